"""What is under way in a results folder."""
