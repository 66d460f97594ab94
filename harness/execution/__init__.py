"""Carrying out a plan: train each run once, evaluate each cell, keep what failed."""
