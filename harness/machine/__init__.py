"""The machine that runs are computed on: hardware, device, precision, threads."""
