"""What runs are computed on: hardware, device, precision, threads."""
