"""File names made from ids."""

from __future__ import annotations

import re

from harness.files.hashing import canonical_hash


def dataset_stem(dataset: str) -> str:
    """A dataset's id as part of a file name. ``folder:PATH`` ids are shortened and hashed: a path may lead anywhere."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", dataset).strip("-")[-60:]
    return dataset if plain == dataset else f"{plain}-{canonical_hash(dataset, 8)}"
