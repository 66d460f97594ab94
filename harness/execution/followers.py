"""Follower processes of a run: obey the leader's orders until released."""

from __future__ import annotations

from harness.plan.plan import Plan
from harness.runs.arithmetic import arithmetic_of_evaluation
from harness.runs.context import RunContext, TrainedRun
from harness.runs.evaluation import test_features
from harness.runs.recording import test_images
from harness.runs.training import load_model, train_together


def serve(context: RunContext, plan: Plan) -> None:
    """Train and extract features with the leader, as its orders come."""
    while (order := context.world.broadcast(None)) is not None:
        run = plan.runs[order.run]
        if order.dataset is None:
            train_together(run, context)
            continue
        manifest = context.store.run_manifest(run.id)
        assert manifest is not None
        dataset = context.shelf.dataset(order.dataset, run.seed)
        images = test_images(run, dataset, order.priors, context)
        trained = TrainedRun(run, manifest, context)
        model = load_model(trained)
        machine = arithmetic_of_evaluation(trained, model, images).machine
        test_features(model, dataset, images, machine, context.world)


def release(context: RunContext) -> None:
    """Tell the followers that there is nothing left to do."""
    context.world.broadcast(None)
