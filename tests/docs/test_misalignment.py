"""docs/misalignment.py: how much bodies move up and down within boxes."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

SCRIPT = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[2] / "docs" / "misalignment.py")))
HIPS = SCRIPT.JOINTS["hips"]


def bodies(rows, confidence=1.0):
    """Keypoints of people whose hips lie at ``rows``, as fractions of the image's height."""
    keypoints = np.zeros((len(rows), 17, 3), np.float16)
    keypoints[:, HIPS, 1] = np.asarray(rows)[:, None]
    keypoints[:, HIPS, 2] = confidence
    return keypoints


def test_the_spread_is_that_of_most_bodies_in_percent_of_the_height():
    drawn = np.random.default_rng(0).normal(0.5, 0.04, 4000)
    assert SCRIPT.spread(bodies(drawn), HIPS) == pytest.approx(4.0, abs=0.2)
    drawn[:200] = 0.95  # half-length boxes
    assert SCRIPT.spread(bodies(drawn), HIPS) == pytest.approx(4.0, abs=0.4)


def test_a_joint_that_the_estimator_is_unsure_of_does_not_count():
    sure, unsure = bodies([0.4, 0.5, 0.6]), bodies([0.0, 1.0], confidence=0.4)
    assert SCRIPT.spread(np.concatenate([sure, unsure]), HIPS) == SCRIPT.spread(sure, HIPS)
