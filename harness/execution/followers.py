"""What the processes of a run do that do not lead it."""

from __future__ import annotations

from harness.plan.plan import Plan
from harness.runs.evaluation import test_features
from harness.runs.recording import test_images
from harness.runs.training import RunContext, load_model, train_together


def serve(place: RunContext, plan: Plan) -> None:
    """Train and extract features with the leading process, as its orders come, until it dismisses the others."""
    while (order := place.world.broadcast(None)) is not None:
        run = plan.runs[order.run]
        if order.dataset is None:
            train_together(run, place)
            continue
        manifest = place.store.run_manifest(run.id)
        assert manifest is not None
        dataset = place.shelf.dataset(order.dataset, run.seed)
        images = test_images(run, dataset, order.priors, place)
        test_features(load_model(run, manifest, place), dataset, images, place.machine, place.world)


def release(place: RunContext) -> None:
    """Tell the other processes that there is nothing left to do."""
    place.world.broadcast(None)
