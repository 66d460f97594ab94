"""A harness that reproduces the tables of person re-identification papers."""

__version__ = "0.1.0"
