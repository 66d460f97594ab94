"""The results folder: records, and the arrays beside them."""
