"""Priors: keypoints, person masks and part maps of every image. Made once, then read by methods."""

from harness.priors.availability import KINDS, missing_priors
from harness.priors.loading import Priors, load_priors

__all__ = ["KINDS", "Priors", "load_priors", "missing_priors"]
