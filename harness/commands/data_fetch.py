"""The verb ``data fetch``: download, verify and extract a public dataset, then check it."""

from __future__ import annotations

from harness.commands.data_check import check
from harness.commands.dataset_folders import described_place, presence
from harness.commands.progress_bar import progress_bar
from harness.commands.request import DataRequest
from harness.datasets import dataset
from harness.datasets.fetching import fetch
from harness.progress import Watch


def execute(request: DataRequest) -> int:
    """Fetch and check. Returns 0 when the dataset is there and whole, 1 when the check finds a fault.

    Raises BadInput for a dataset that cannot be fetched.
    """
    spec = dataset(request.datasets[0])
    if presence(spec, request.data_root) == "found":
        print(f"{spec.title} is {described_place(spec, request.data_root)}; nothing to fetch")
        return 0
    with Watch(1, "archives") as watch:
        fetch(spec, request.data_root, watch.say, progress_bar(watch, f"extracting {spec.id}"))
    return check([spec], request.data_root, as_json=False)
