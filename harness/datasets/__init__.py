"""The datasets known to the harness, by id. Importing this reads nothing and needs neither numpy nor torch."""

from __future__ import annotations

from harness.datasets.base import DatasetSpec
from harness.datasets.market1501 import MARKET1501, MARKET1501_MULTI_QUERY
from harness.datasets.synthetic import SYNTHETIC
from harness.datasets.without_loader import WITHOUT_LOADER
from harness.errors import unknown

DATASETS: dict[str, DatasetSpec] = {
    spec.id: spec for spec in (SYNTHETIC, MARKET1501, MARKET1501_MULTI_QUERY, *WITHOUT_LOADER)
}


def dataset(dataset_id: str) -> DatasetSpec:
    """What is known of the dataset with this id. Raises BadInput offering the nearest ids for an unknown one."""
    if dataset_id not in DATASETS:
        raise unknown("dataset", dataset_id, DATASETS)
    return DATASETS[dataset_id]
