"""torchvision's detectors trained on COCO (He et al., Mask R-CNN, ICCV 2017), run on crops of one person."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import detection

from harness.errors import BadInput
from harness.priors.parsing import HEIGHT, WIDTH
from harness.priors.providers.base import Provider, open_rgb
from harness.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.datasets.base import Split

SHORT_SIDE, LONG_SIDE = 256, 512
"""Crops are enlarged until a side has this many pixels. A person who fills the crop then has a size common in COCO."""

PERSON = 1
"""COCO's category."""

IMAGES_PER_BATCH = 8


def keypoint_rcnn(device: str) -> Provider:
    """Keypoints of the person detected with most confidence. Presence is this confidence, 0 if nobody was detected.

    A joint's confidence is the sigmoid of the network's score. Raises BadInput if the weights cannot be had.
    """
    weights = detection.KeypointRCNN_ResNet50_FPN_Weights.COCO_V1
    # The network knows people only, so one detection is enough.
    network = _network(detection.keypointrcnn_resnet50_fpn, weights, device, detections=1)

    def observe(root: Path, split: Split, progress: Progress) -> dict[str, NDArray[Any]]:
        keypoints = np.zeros((len(split), 17, 3), np.float32)
        presence = np.zeros(len(split), np.float32)
        for row, (width, height), person in _detect_people(network, device, root, split, progress):
            joints = person["keypoints"][:, :2].cpu().numpy()
            keypoints[row, :, :2] = joints / np.array([width, height], np.float32)
            keypoints[row, :, 2] = person["keypoints_scores"].sigmoid().cpu().numpy()
            presence[row] = float(person["scores"])
        return {"keypoints": keypoints, "presence": presence}

    return Provider(_statement("keypointrcnn_resnet50_fpn", weights), ("keypoints", "presence"), observe)


def segmenter(device: str) -> Provider:
    """Mask of the person detected with most confidence, empty if nobody was. Raises BadInput without weights."""
    weights = detection.MaskRCNN_ResNet50_FPN_Weights.COCO_V1
    network = _network(detection.maskrcnn_resnet50_fpn, weights, device, detections=10)

    def observe(root: Path, split: Split, progress: Progress) -> dict[str, NDArray[Any]]:
        masks = np.zeros((len(split), HEIGHT, WIDTH), bool)
        for row, _, person in _detect_people(network, device, root, split, progress):
            probability = nn.functional.interpolate(
                person["masks"][None], (HEIGHT, WIDTH), mode="bilinear", antialias=True
            )
            masks[row] = (probability[0, 0] >= 0.5).cpu().numpy()
        return {"mask": masks}

    return Provider(_statement("maskrcnn_resnet50_fpn", weights), ("mask",), observe)


def _statement(network: str, weights: Any) -> str:
    return (
        f"torchvision {torchvision.__version__} {network}, weights {Path(weights.url).name}, "
        f"crops enlarged to {SHORT_SIDE}x{LONG_SIDE}"
    )


def _network(build: Callable[..., nn.Module], weights: Any, device: str, detections: int) -> nn.Module:
    """The network with COCO weights, from torch's hub folder or fetched into it. ``detections`` are per image."""
    network = build(
        weights=None,
        weights_backbone=None,
        min_size=SHORT_SIDE,
        max_size=LONG_SIDE,
        box_detections_per_img=detections,
    )
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    try:
        network.load_state_dict(weights.get_state_dict(check_hash=True, weights_only=True, map_location="cpu"))
    except OSError as error:
        raise BadInput(
            f"the weights {file.name} are not in torch's hub folder and could not be fetched ({error}); download "
            f"{weights.url} elsewhere and put it in {file}"
        ) from error
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise BadInput(f"{file} is damaged; delete it and run again to fetch it anew") from error
    return network.eval().to(device)


def _detect_people(
    network: nn.Module, device: str, root: Path, split: Split, progress: Progress
) -> Iterator[tuple[int, tuple[int, int], dict[str, Tensor]]]:
    """Row, (width, height) and the best detection of a person, for each image with one."""
    for start in range(0, len(split), IMAGES_PER_BATCH):
        images = [open_rgb(root / name) for name in split.names[start : start + IMAGES_PER_BATCH]]
        pixels = [torchvision.transforms.functional.to_tensor(image).to(device) for image in images]
        with torch.inference_mode():
            detections = network(pixels)
        for offset, (image, found) in enumerate(zip(images, detections, strict=True)):
            people = torch.nonzero(found["labels"] == PERSON)
            if len(people):
                best = people[found["scores"][people[:, 0]].argmax(), 0]
                yield start + offset, image.size, {name: values[best] for name, values in found.items()}
        progress(start + len(images), len(split))
