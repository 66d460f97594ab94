"""ViTPose (Xu et al., NeurIPS 2022) through ``transformers``, an optional extra."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.errors import BadInput
from harness.priors.providers.base import Provider, open_rgb
from harness.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.datasets.base import Split

CHECKPOINT = "usyd-community/vitpose-base-simple"
IMAGES_PER_BATCH = 32


def vitpose(device: str) -> Provider:
    """Keypoints of the person that fills the crop. Presence is the confidence of the most confident joint.

    Raises BadInput without ``transformers``, naming the extra, and if the weights cannot be had.
    """
    transformers = _import_transformers()
    try:
        processor = transformers.VitPoseImageProcessor.from_pretrained(CHECKPOINT)
        network = transformers.VitPoseForPoseEstimation.from_pretrained(CHECKPOINT).eval().to(device)
    except (OSError, ValueError) as error:
        reason = str(error).partition(". ")[0]
        raise BadInput(
            f"the weights of {CHECKPOINT} are not in the Hugging Face cache and could not be fetched ({reason}); run "
            "this once with a network, or copy that cache from a machine that has it"
        ) from error

    def observe(root: Path, split: Split, progress: Progress) -> dict[str, NDArray[Any]]:
        keypoints = np.zeros((len(split), 17, 3), np.float32)
        for start in range(0, len(split), IMAGES_PER_BATCH):
            images = [open_rgb(root / name) for name in split.names[start : start + IMAGES_PER_BATCH]]
            # No detector is needed: a re-ID image is already one person's box.
            boxes = [[[0.0, 0.0, float(image.width), float(image.height)]] for image in images]
            pixels = processor(images, boxes=boxes, return_tensors="pt")["pixel_values"].to(device)
            with torch.inference_mode():
                heatmaps = network(pixel_values=pixels)
            poses = processor.post_process_pose_estimation(heatmaps, boxes=boxes)
            for row, (image, people) in enumerate(zip(images, poses, strict=True), start):
                keypoints[row, :, :2] = people[0]["keypoints"].numpy() / np.array(image.size, np.float32)
                keypoints[row, :, 2] = people[0]["scores"].numpy()
            progress(start + len(images), len(split))
        keypoints[:, :, 2] = keypoints[:, :, 2].clip(0, 1)
        return {"keypoints": keypoints, "presence": keypoints[:, :, 2].max(axis=1)}

    revision = getattr(network.config, "_commit_hash", None) or "unknown"
    statement = f"transformers {transformers.__version__} {CHECKPOINT} at {revision}"
    return Provider(statement, ("keypoints", "presence"), observe)


def _import_transformers() -> Any:
    try:
        transformers = import_module("transformers")
        transformers.VitPoseForPoseEstimation  # noqa: B018
    except (ImportError, AttributeError) as error:
        raise BadInput(
            "--provider vitpose needs transformers 4.48 or later, an optional extra; pip install 'reid-tables[pose]'"
        ) from error
    return transformers
