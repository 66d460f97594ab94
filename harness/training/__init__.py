"""Training: sampler, augmentation, optimisation, loop, checkpoints."""
