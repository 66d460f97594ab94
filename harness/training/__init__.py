"""Sampler, augmentation, training loop, checkpoints."""
