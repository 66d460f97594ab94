"""Why a figure cannot be set against a published one, and the verdict of one record."""

from __future__ import annotations

from harness.cell import INITIAL_WEIGHTS, settings_label
from harness.datasets import dataset as dataset_spec
from harness.evaluation.cell_verdict import judge_cell
from harness.evaluation.degeneracy import Degeneracy
from harness.plan.settings import BACKBONE
from harness.priors.availability import INFRARED
from harness.results.record import VerdictOfRecord
from harness.results.sentences import PUBLISHED_WEIGHTS, degeneracy_sentence, origin_sentence
from harness.runs.context import EvaluatedCell
from harness.runs.receipt import effective_batch


def reasons(evaluated: EvaluatedCell) -> list[str]:
    """Every reason why the cell is not comparable with its paper, as sentences; none when it is."""
    planned, run = evaluated.planned, evaluated.run
    found = []
    if planned.cell.profile != "paper":
        found.append(f"{planned.cell.profile} profile, not the paper's recipe")
    if planned.spec.embedded:
        found.append("embedded dataset, which no paper used")
    elif not evaluated.dataset.passport.official:
        found.append(f"dataset variant: {evaluated.dataset.passport.variant}")
    if run.dataset != planned.cell.dataset and not dataset_spec(run.dataset).embedded:
        found += [] if evaluated.trained_on.official else [f"training set variant: {evaluated.trained_on.variant}"]
    borrowed = planned.row.borrowed.get(planned.cell.dataset)
    found += [borrowed] if borrowed else []
    if planned.cell.settings:
        found.append(settings_label(planned.cell.settings))
    found += _not_the_papers_trunk(evaluated)
    found += _not_the_papers_start(evaluated) + _not_the_papers_normalisation(evaluated)
    if not planned.spec.embedded:
        found += _not_the_papers_estimator(evaluated)
    return found


def _not_the_papers_trunk(evaluated: EvaluatedCell) -> list[str]:
    """The user chose another trunk or a file of weights. A profile's own smaller trunk is said by the profile."""
    run, settings = evaluated.run, {setting.name for setting in evaluated.planned.cell.settings}
    if not settings & {BACKBONE, INITIAL_WEIGHTS}:
        return []
    printed = run.method.recipe(run.switches, run.dataset, "paper")
    origin = evaluated.trained.manifest["initialisation"]["origin"]
    return [
        f"trunk and initialisation differ: {run.recipe.backbone} from {origin_sentence(origin)}; "
        f"the paper's is {printed.backbone}"
    ]


def _not_the_papers_start(evaluated: EvaluatedCell) -> list[str]:
    """The first run of the lineage began from scratch, and the paper's began from published weights."""
    recipes = (each.method.recipe(each.switches, each.dataset, "paper") for each in reversed(evaluated.run.lineage))
    printed = (recipe.initialisation.kind for recipe in recipes)
    wanted = next((kind for kind in printed if kind in PUBLISHED_WEIGHTS), None)
    origin = evaluated.trained.manifest["initialisation"]["origin"]
    if wanted is None or origin["kind"] != "scratch":
        return []
    return [
        f"initialisation: the trunk began from {origin_sentence(origin)}; "
        f"the paper's began from {PUBLISHED_WEIGHTS[wanted]} weights"
    ]


def _not_the_papers_normalisation(evaluated: EvaluatedCell) -> list[str]:
    """BN saw a part of the batch that is no group of the recipe's sampler."""
    run = evaluated.run
    computation = run.computation
    if computation.processes == 1 or computation.sync_batch_norm or computation.processes == run.recipe.sampler.groups:
        return []
    batch = effective_batch(run)
    return [f"BN over {batch['bn_scope']}, {batch['per_gpu']} images on each of {batch['gpus']} GPUs"]


def _not_the_papers_estimator(evaluated: EvaluatedCell) -> list[str]:
    # Which images are infrared is known, not estimated.
    estimated = (read["provider"] for read in evaluated.priors.values() if read["kinds"] != [INFRARED])
    providers = dict.fromkeys(estimated)
    return [f"priors: {' and '.join(providers)}, not the paper's estimator"] if providers else []


def degeneracy(evaluated: EvaluatedCell) -> Degeneracy | None:
    """The sign that the cell's network has collapsed: in its training, else in its evaluation."""
    return evaluated.trained.manifest.get("degenerate") or evaluated.evaluation.get("degenerate")


def verdict(evaluated: EvaluatedCell) -> VerdictOfRecord:
    """The verdict of one record alone.

    Its ``reasons`` hold for the cell; that one record covers one split of several is a reason for this record only.
    """
    planned, metrics = evaluated.planned, evaluated.evaluation["metrics"]
    own = reasons(evaluated)
    printed = [metric for metric, figure in planned.published.items() if figure is not None and metric in metrics]
    sign = degeneracy(evaluated)
    judged = judge_cell(
        {metric: [metrics[metric]] for metric in printed},
        planned.published,
        own,
        planned.spec,
        [planned.cell.seed],
        [degeneracy_sentence(sign)] if sign else [],
    )
    return {
        "word": judged.word,
        "reason": "; ".join(judged.reasons),
        "reasons": own,
        "metrics": {name: {"word": each.word, "arithmetic": each.arithmetic} for name, each in judged.figures.items()},
    }
