"""How much bodies move up and down within boxes: in real images by their keypoints, in embedded ones by the dial.

``python docs/misalignment.py data/priors/market1501_train_priors.npz`` prints the table of ``docs/evidence.md``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.datasets.synthetic.dials import dialled
from harness.datasets.synthetic.shots import plan_shots
from harness.datasets.synthetic.writing import take_photographs
from harness.files.arrays import read_arrays

JOINTS = {"shoulders": (5, 6), "hips": (11, 12), "ankles": (15, 16)}
"""COCO's numbers of the left and the right joint."""
DIAL = (0, 0.25, 0.5, 1, 2)
NORMAL = 1.4826
"""The standard deviation of a normal distribution, in medians of the absolute deviation."""
TRUSTED = 0.5
"""Least confidence of a joint: what an estimator is sure of, and in the embedded data every joint within the image."""


def spread(keypoints: NDArray[np.floating], joints: tuple[int, int]) -> float:
    """The standard deviation of the joints' mean row, in percent of the image's height; (n, 17, 3) to a number.

    It is taken from the median of absolute deviations, so that half-length boxes and false keypoints weigh little.
    """
    pair = keypoints[:, joints, :].astype(np.float64)
    rows = pair[pair[..., 2].min(1) >= TRUSTED, :, 1].mean(1)
    return float(100 * NORMAL * np.median(np.abs(rows - np.median(rows))))


def keypoints_at(misalignment: float) -> NDArray[np.float32]:
    """The true keypoints (n, 17, 3) of the training images of ``synthetic`` with this misalignment."""
    edition = dialled(f"synthetic:misalignment={misalignment:g}").edition
    shots = [shot for shot in plan_shots(edition) if shot.split == "train"]
    return np.stack([photograph.keypoints for _, photograph in take_photographs(edition, shots)])


def main() -> None:
    """Print the table: a line for each file of keypoints, and one for each position of the dial."""
    found = {Path(file).name: read_arrays(Path(file), ("keypoints",))["keypoints"] for file in sys.argv[1:]}
    found |= {f"synthetic:misalignment={each:g}": keypoints_at(each) for each in DIAL}
    print(f"| images | {' | '.join(JOINTS)} |\n| --- |{' --- |' * len(JOINTS)}")
    for name, keypoints in found.items():
        print(f"| `{name}` | {' | '.join(f'{spread(keypoints, joints):.1f}' for joints in JOINTS.values())} |")


if __name__ == "__main__":
    main()
