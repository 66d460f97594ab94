"""Networks and blocks that several methods share."""
