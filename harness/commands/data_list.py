"""The verb ``data list``: every known dataset, whether it is there, and how to get it."""

from __future__ import annotations

import json
from pathlib import Path

from harness.commands.dataset_folders import described_place, presence
from harness.commands.request import DataRequest
from harness.datasets import DATASETS
from harness.datasets.base import DatasetSpec
from harness.datasets.sources import PUBLIC, page


def execute(request: DataRequest) -> int:
    """Print the datasets. Returns 0."""
    rows = [_row(spec, request.data_root) for spec in DATASETS.values()]
    if request.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return 0
    widest = max(len(row["id"]) for row in rows)
    for row in rows:
        print(f"{row['id']:{widest}}  {row['status']:16}  {row['title']}")
        if row["place"]:
            print(f"{'':{widest}}  {row['place']}")
        else:
            print(f"{'':{widest}}  {row['obtain']} {row['page']}".rstrip())
            if row["fetch"] == "yes":
                print(f"{'':{widest}}  python -m harness.data fetch {row['id']}")
    return 0


def _row(spec: DatasetSpec, data_root: Path) -> dict[str, str]:
    return {
        "id": spec.id,
        "title": spec.title,
        "status": presence(spec, data_root),
        "place": described_place(spec, data_root),
        "obtain": spec.obtain,
        "fetch": "yes" if spec.id in PUBLIC else "no",
        "page": page(spec.id),
    }
