"""What torchreid does as it comes: its transforms, its step of training and its extraction of features."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


def installed(package: str) -> bool:
    """Whether a peer is installed."""
    return find_spec(package) is not None


def torchreid() -> Any:
    """The package ``torchreid.reid``."""
    with warnings.catch_warnings():
        # It says that its Cython ranking is not built.
        warnings.simplefilter("ignore")
        import torchreid.reid
        import torchreid.reid.utils.rerank
    return torchreid.reid


class Decoding(Dataset):
    """A peer's dataset: opens and transforms an image on each access."""

    def __init__(self, files: Sequence[Path], transform: Any) -> None:
        self.files, self.transform = files, transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> Tensor:
        return self.transform(Image.open(self.files[row]).convert("RGB"))


def torchreid_transforms(height: int, width: int) -> tuple[Any, Any]:
    """Its transforms of training (flip, crop, erase) and of testing."""
    with contextlib.redirect_stdout(io.StringIO()):
        return torchreid().data.transforms.build_transforms(
            height, width, ["random_flip", "random_crop", "random_erase"]
        )


def torchreid_engine(depth: int, identities: int, device: torch.device) -> Any:
    """Its engine for identity loss, with a ResNet whose last stage keeps its size as ours does, and Adam."""
    reid = torchreid()
    resnet = reid.models.resnet
    block, layers = {18: (resnet.BasicBlock, [2, 2, 2, 2]), 50: (resnet.Bottleneck, [3, 4, 6, 3])}[depth]
    network: nn.Module = resnet.ResNet(identities, "softmax", block, layers, last_stride=1).to(device)
    optimiser = reid.optim.build_optimizer(network, optim="adam", lr=0.0003)
    data = SimpleNamespace(num_train_pids=identities, train_loader=None, test_loader=None)
    return reid.engine.ImageSoftmaxEngine(data, network, optimiser, use_gpu=device.type == "cuda")


def torchreid_step(engine: Any, images: Tensor, labels: Tensor) -> None:
    """One step of training, in float32."""
    engine.set_model_mode("train")
    engine.forward_backward({"img": images, "pid": labels})


@torch.no_grad()
def torchreid_features(engine: Any, loader: DataLoader) -> Tensor:
    """The features of a loader's images, as its evaluation extracts them."""
    engine.set_model_mode("eval")
    return torch.cat([engine.extract_features(images.cuda() if engine.use_gpu else images).cpu() for images in loader])


def noise(images: int, height: int, width: int, identities: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Images (N, 3, H, W) of noise with labels (N,), on the device."""
    generator = np.random.default_rng(0)
    pixels = torch.from_numpy(generator.standard_normal((images, 3, height, width), dtype=np.float32))
    return pixels.to(device), torch.from_numpy(np.arange(images) % identities).to(device)
