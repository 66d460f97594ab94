"""Providers of priors, by name. Importing this needs neither torch nor numpy: a provider is imported on first use."""

from __future__ import annotations

from pathlib import Path

from harness.errors import BadInput, unknown_name_error
from harness.priors.providers.base import Provider

__all__ = ["PROVIDERS", "Provider", "provider"]

PROVIDERS = {
    "synthetic": "the embedded dataset's own truth",
    "files": "COCO-format keypoints, and mask or parsing PNGs",
    "keypoint_rcnn": "torchvision's Keypoint R-CNN (COCO): keypoints",
    "segmenter": "torchvision's Mask R-CNN (COCO): person masks",
    "vitpose": "ViTPose through transformers (extra [pose]): keypoints",
}
"""Each provider, with the tool it uses and the priors it gives."""


def provider(
    name: str,
    device: str = "cpu",
    keypoints: Path | None = None,
    masks: Path | None = None,
    labels: Path | None = None,
) -> Provider:
    """The provider called ``name``, ready to look at images.

    Args:
        name: A key of ``PROVIDERS``.
        device: Device of a network.
        keypoints: For ``files``: a COCO JSON file.
        masks: For ``files``: a folder of PNGs, person masks, or part maps if ``labels`` is given.
        labels: For ``files``: the label map of the part maps, YAML or JSON.

    Raises:
        BadInput: Unknown name; a file that cannot be read; a network whose package or weights cannot be had.
    """
    if name not in PROVIDERS:
        raise unknown_name_error("provider", name, PROVIDERS)
    if name == "synthetic":
        raise BadInput("only the embedded datasets know their own truth; choose another --provider")
    if name == "files":
        from harness.priors.providers.files import from_files

        return from_files(keypoints, masks, labels)
    if keypoints or masks or labels:
        raise BadInput(f"--keypoints, --masks and --labels belong to --provider files; {name} looks at the images")
    if name == "vitpose":
        from harness.priors.providers.vitpose import vitpose

        return vitpose(device)
    from harness.priors.providers import rcnn

    return rcnn.keypoint_rcnn(device) if name == "keypoint_rcnn" else rcnn.segmenter(device)
