"""Priors: keypoints, person masks and part maps of every image, made once and read by the methods that need them."""

from harness.priors.availability import KINDS, missing_priors
from harness.priors.loading import Priors, load_priors

__all__ = ["KINDS", "Priors", "load_priors", "missing_priors"]
