"""The files of an exported network, and the facts that stand beside them as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from harness.files.hashing import canonical_hash
from harness.recipe import Profile

EXPORT_SCHEMA = 1
"""Raise it whenever a field of ``ExportedFacts`` is added, dropped or changes its meaning."""
FACTS, CARD = "embedding.json", "README.md"
EXPORTED_WEIGHTS, ONNX_FILE = "weights.safetensors", "embedding.onnx"
IMAGES, INFRARED, FEATURES = "images", "infrared", "features"
"""Names of the inputs and of the output of an ONNX file."""


class NetworkFacts(TypedDict):
    """Everything that builds a trained cell's network, and prepares images for it as the run's evaluation does.

    ``feature`` names the ranked feature; ``a+b`` joins two. ``flip_test``: the features of an image and of its mirror
    are added before they are normalised. ``reads_infrared``: the network asks which images are infrared. ``weights``
    is the SHA-256 of the weights.
    """

    cell: str
    profile: Profile
    seed: int
    run: str
    method: str
    switches: dict[str, Any]
    backbone: str
    identities: int
    feature: str
    flip_test: bool
    reads_infrared: bool
    height: int
    width: int
    weights: str


class Agreement(TypedDict):
    """ONNX Runtime's features beside PyTorch's, on ``images`` images of ``dataset``."""

    dataset: str
    images: int
    greatest_difference: float
    least_cosine: float
    packages: dict[str, str]


class ExportedFacts(TypedDict):
    """``embedding.json``. ``mean`` and ``standard_deviation`` are per channel (RGB), for pixels in 0..1.

    ``onnx`` is the SHA-256 of the ONNX file and ``agreement`` its comparison with PyTorch; both are absent without one.
    """

    schema: int
    network: NetworkFacts
    dimensions: int
    mean: list[float]
    standard_deviation: list[float]
    onnx: NotRequired[str]
    agreement: NotRequired[Agreement]
    digest: NotRequired[str]


def facts_digest(facts: Mapping[str, Any]) -> str:
    """Hash of all facts but the digest itself."""
    return canonical_hash({key: value for key, value in facts.items() if key != "digest"}, 64)
