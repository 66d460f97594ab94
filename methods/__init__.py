"""One folder a method; see README.md for how to add yours."""
