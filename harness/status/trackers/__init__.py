"""Trackers: TensorBoard, MLflow and Weights & Biases show trainings. Each writes to a local folder and needs no server.

A tracker writes where the results folder holds a folder with its name, which ``--tracker`` makes; so every process and
machine that works there knows. All have the same figures: per epoch the losses, the rate and images/s, at the end the
metrics of each cell.
"""
