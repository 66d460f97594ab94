"""Tables of datasets (PGFL-KD's Table 1): the files on disk are counted, nothing is trained."""

from __future__ import annotations

from collections.abc import Iterable

from harness.plan.selection import Choice
from harness.plan.shelf import Shelf
from harness.progress import Watch
from harness.results.store import Store


def count_datasets(choices: Iterable[Choice], shelf: Shelf, store: Store, watch: Watch) -> None:
    """Keep the counts of every dataset chosen for a table of datasets, as ``data check`` finds them.

    Args:
        choices: The chosen tables, with their datasets.
        shelf: Where datasets come from.
        store: Where counts are kept.
        watch: Told of each dataset.

    Raises:
        BadInput: A dataset cannot be read. Names the file and the fix.
    """
    wanted = [dataset for choice in choices if choice.table.prints_counts for dataset in choice.datasets]
    for dataset_id in dict.fromkeys(wanted):
        passport = shelf.dataset(dataset_id, seed=0).passport
        store.write_counts(passport)
        watch.say(f"{dataset_id} counted: {passport.variant}")
