"""The verb ``data priors``: compute priors of a dataset's splits and keep them under the data root."""

from __future__ import annotations

from harness.commands.progress_bar import progress_bar
from harness.commands.request import DataRequest
from harness.datasets import dataset
from harness.errors import BadInput
from harness.machine.device import choose_device
from harness.plan.shelf import Shelf
from harness.priors.making import make_priors
from harness.priors.providers import provider
from harness.progress import Watch


def execute(request: DataRequest) -> int:
    """Write one file per split and print its name. Returns 0. Raises BadInput for a provider that cannot work here."""
    spec = dataset(request.datasets[0])
    if spec.embedded:
        if request.provider != "synthetic":
            raise BadInput(f"{spec.id} brings its own truth, which methods read; only --provider synthetic is of use")
        print(f"{spec.id} brings its own keypoints, masks and part maps; nothing to compute")
        return 0
    device = choose_device(request.device)
    chosen = provider(request.provider, device, request.keypoints, request.masks, request.labels)
    images = Shelf(request.data_root).dataset(spec.id, request.seed)
    splits = list(dict.fromkeys(request.splits)) or ["train"]
    with Watch(len(splits), "splits") as watch:
        for split in splits:
            bar = progress_bar(watch, f"{request.provider} on {spec.id} {split}")
            file = make_priors(images, split, chosen, request.data_root, request.overwrite, bar)
            watch.step(f"{file}: {', '.join(chosen.arrays)} of {len(getattr(images, split)):,} images")
    return 0
