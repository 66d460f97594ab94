"""Check before training: weights fit their trunk, every image decodes, and queries have matches."""

from __future__ import annotations

from harness.datasets import dataset as dataset_spec
from harness.datasets.base import Dataset
from harness.datasets.images import SplitName, decoded
from harness.datasets.synthetic import contact_sheet
from harness.evaluation.protocols import check_queries, describe_queries_without_match, queries_without_match
from harness.execution.album import keep_album
from harness.files.atomic import write_atomically
from harness.plan.plan import PlannedCell
from harness.plan.shelf import Shelf
from harness.progress import Watch
from harness.results.store import Store, contact_sheet_path
from harness.runs.preparation import require_fitting_weights

SHEET_PEOPLE = 5
"""People on the contact sheet, one per row."""
TEST_SPLITS: tuple[SplitName, ...] = ("query", "gallery", "extra", "junk")


def inspect(cells: list[PlannedCell], shelf: Shelf, store: Store, watch: Watch, keep_images: bool = False) -> None:
    """Decode the images that these cells need, check their queries, and show how a dataset differs from the published.

    The album of each tested dataset, and a contact sheet of an embedded one, are kept beside the records, for the
    report.

    Args:
        cells: The cells to run.
        shelf: Where datasets come from.
        store: Where albums and contact sheets are kept.
        watch: Told of what differs.
        keep_images: Whether albums may hold images of real datasets.

    Raises:
        BadInput: A file of weights does not fit its trunk, images cannot be decoded, or no query has a match. Names the
            files and the fix.
    """
    for run in {run.id: run for planned in cells for run in planned.needed_run.lineage}.values():
        require_fitting_weights(run)
    wanted: dict[tuple[str, SplitName, int, int], Dataset] = {}
    for planned in cells:
        tested, trained = (
            shelf.dataset(each, planned.cell.seed) for each in (planned.cell.dataset, planned.needed_run.dataset)
        )
        size = (planned.needed_run.recipe.height, planned.needed_run.recipe.width)
        wanted[trained.passport.fingerprint, "train", *size] = trained
        for split in TEST_SPLITS:
            if getattr(tested, split) is not None:
                wanted[tested.passport.fingerprint, split, *size] = tested
    datasets = {id(each): each for (_, split, *_), each in wanted.items() if split == "query"}.values()
    for dataset in datasets:
        _check(dataset, watch)
        if dataset.embedded:
            _keep_contact_sheet(dataset, store)
    for (_, split, height, width), dataset in wanted.items():
        watch.begin(f"reading {dataset.id} {split} at {height}x{width}", len(getattr(dataset, split)))
        decoded(dataset, split, height, width, lambda done, total: watch.advance(done))
    for dataset in datasets:
        keep_album(dataset, store, keep_images)


def _keep_contact_sheet(dataset: Dataset, store: Store) -> None:
    path = store.path(contact_sheet_path(dataset.passport.fingerprint))
    if not path.exists():
        sheet = contact_sheet(dataset, rows=SHEET_PEOPLE).convert("RGB")
        write_atomically(path, lambda file: sheet.save(file, "WEBP", quality=80))


def _check(dataset: Dataset, watch: Watch) -> None:
    for remark in dataset.passport.remarks:
        watch.say(f"{dataset.id}: {remark}")
    names, protocol = dataset.query.names, dataset_spec(dataset.id).protocol
    labels = (
        dataset.query.identities,
        dataset.query.cameras,
        dataset.gallery.identities,
        dataset.gallery.cameras,
    )
    if check_queries(names, *labels, protocol):
        without_match = describe_queries_without_match(names, *queries_without_match(*labels, protocol))
        watch.say(f"{dataset.id}: {without_match}; left out of the means")
