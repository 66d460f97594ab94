"""Networks and layers that several methods share."""
