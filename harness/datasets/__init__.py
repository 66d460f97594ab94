"""The datasets known to the harness, by id. Importing this reads nothing and needs neither numpy nor torch."""

from __future__ import annotations

from harness.datasets import cuhk03, folder, msmt17, partial, regdb, sysu
from harness.datasets.base import DatasetSpec
from harness.datasets.dukemtmc import DUKEMTMC
from harness.datasets.market1501 import MARKET1501, MARKET1501_MULTI_QUERY
from harness.datasets.occluded_duke import OCCLUDED_DUKE
from harness.datasets.occluded_reid import OCCLUDED_REID
from harness.datasets.partial_duke import PARTIAL_DUKE
from harness.datasets.synergyreid import SYNERGYREID
from harness.datasets.synthetic import FLAVOURS, dialled_spec, is_dialled
from harness.errors import unknown_name_error

DATASETS: dict[str, DatasetSpec] = {
    spec.id: spec
    for spec in (
        *FLAVOURS,
        MARKET1501,
        MARKET1501_MULTI_QUERY,
        DUKEMTMC,
        *cuhk03.SPECS,
        *msmt17.SPECS,
        OCCLUDED_DUKE,
        OCCLUDED_REID,
        *partial.SPECS,
        PARTIAL_DUKE,
        SYNERGYREID,
        *sysu.SPECS,
        *regdb.SPECS,
    )
}


def dataset(dataset_id: str) -> DatasetSpec:
    """The spec of the dataset with this id, of an embedded one with turned knobs, or of a user's own, ``folder:PATH``.

    Raises BadInput for an unknown id or knob, with the nearest known ones, and for a folder that cannot be used.
    """
    if dataset_id.startswith(folder.PREFIX):
        return folder.spec(dataset_id)
    if is_dialled(dataset_id):
        return dialled_spec(dataset_id)
    if dataset_id not in DATASETS:
        raise unknown_name_error("dataset", dataset_id, DATASETS)
    return DATASETS[dataset_id]
