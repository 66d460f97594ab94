"""What every plugin must keep, checked alike for all: builds, trains, embeds, every switch moves something.

``HARNESS_TEST_DEVICE`` names another device than the CPU; ``benchmarks/gpu.py`` sets it.
"""

import contextlib
import copy
import dataclasses
import importlib
import math
import os
from collections import Counter
from functools import cache
from itertools import combinations
from typing import NamedTuple, get_args, get_type_hints

import numpy as np
import pytest
import torch

from harness import registry
from harness.measure import count_parameters
from harness.models.reid import Batch, ReIDModel
from harness.recipe import PROFILES
from harness.runs.illustrations import attention
from harness.tables import tables
from harness.training.machine import Machine
from harness.training.optimisation import build_optimiser
from harness.training.step import training_step, with_each_tensor
from tests.waiting import WaitingOperations, host_state

IDENTITIES, IMAGES = 4, 2
FILES = {"__init__.py", "switches.py", "recipe.py", "model.py", "losses.py", "tables.yaml", "README.md"}
DEVICE = torch.device(os.environ.get("HARNESS_TEST_DEVICE", "cpu"))
# Machine.of also switches TF32 off, which tests on the CPU have no use for.
MACHINE = Machine(DEVICE, bfloat16=False) if DEVICE.type == "cpu" else Machine.of(str(DEVICE), bfloat16=False)

METHODS = list(registry.methods().values())
BUILT_TABLES = [table for table in tables().values() if table.built]
VARIANTS = {
    (method.id, str(switches)): (method, switches)
    for method in METHODS
    for table in [None, *BUILT_TABLES]
    for switches in (
        [method.switches()]
        if table is None
        else [method.parse(dict(row.switches), row.key) for row in table.rows if row.runs and row.method == method.id]
    )
}


def batch(method, switches, seed=0):
    """Noise images whose upper half is warm and lower half cold, with a person in the middle as prior."""
    recipe = method.recipe(switches, "synthetic", "demo")
    rng = np.random.default_rng(seed)
    # As many visible as infrared images of an identity, where a method reads both.
    images_each = 2 * recipe.sampler.infrared_images_per_identity or IMAGES
    count = IDENTITIES * images_each
    labels = torch.arange(IDENTITIES).repeat_interleave(images_each)
    images = torch.from_numpy(rng.standard_normal((count, 3, recipe.height, recipe.width)).astype(np.float32))
    parsing = torch.zeros(count, 64, 32, dtype=torch.int64)
    parsing[:, 6:14, 12:20], parsing[:, 14:36, 8:24] = 1, 2
    parsing[:, 36:60, 9:16], parsing[:, 36:60, 16:23] = 3, 4
    priors = {"parsing": parsing, "segmentation": parsing > 0, "keypoints": torch.rand(count, 17, 3)}
    priors["infrared"] = torch.arange(count) % 2 == 1
    needed = method.priors(switches).training
    whole = Batch(images, labels, torch.ones(count), torch.arange(count), {kind: priors[kind] for kind in needed})
    return on_device(whole), {kind: prior.to(DEVICE) for kind, prior in priors.items()}


def on_device(whole):
    """The batch as the training input sends it: the host knows the number of infrared images."""
    of_images = {name: getattr(whole, name).to(DEVICE) for name in ("images", "labels", "cameras", "indices")}
    moved = dataclasses.replace(
        whole, **of_images, priors={kind: each.to(DEVICE) for kind, each in whole.priors.items()}
    )
    moved.infrared_count = whole.infrared_count
    return moved


def build(method, switches, seed=0):
    torch.manual_seed(seed)
    return method.build(switches, IDENTITIES, method.recipe(switches, "synthetic", "demo").backbone).to(DEVICE)


def inference_priors(method, switches, priors):
    return {kind: priors[kind] for kind in method.priors(switches).inference}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_the_folder_has_the_same_files_as_every_other(method):
    folder = registry.folders()[method.id]
    assert {path.name for path in folder.iterdir()} >= FILES
    assert "## Where we had to choose" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_the_package_gives_its_method_build_recipe_and_embedding(method):
    module = importlib.import_module(registry.package(method.id))
    assert module.METHOD is method and module.build == method.build
    assert module.recipe is method.recipe and module.embedding is method.embedding
    assert getattr(module, method.switches.__name__) is method.switches


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_the_model_is_named_by_where_it_stands(method):
    module, name = method.model_address
    assert issubclass(getattr(importlib.import_module(module), name), ReIDModel)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
@pytest.mark.parametrize("profile", PROFILES)
def test_there_is_a_recipe_for_every_profile(method, profile):
    recipe = method.recipe(method.switches(), "market1501", profile)
    assert recipe.epochs > 0
    assert max(recipe.schedule.milestones, default=0) < recipe.epochs


IDS = [f"{method_id}-{number}" for number, (method_id, _) in enumerate(VARIANTS)]
FIRST = {method.id: [key for key in VARIANTS if key[0] == method.id][:2] for method in METHODS}
"""The full method and the first row of its tables. All other variants are slow together."""
CASES = [
    pytest.param(*variant, id=name, marks=() if key in FIRST[key[0]] else pytest.mark.slow)
    for name, (key, variant) in zip(IDS, VARIANTS.items(), strict=True)
]


@pytest.mark.parametrize(("method", "switches"), CASES)
def test_two_steps_move_every_parameter_that_the_recipe_optimises(method, switches):
    found = behaviour(method, switches)
    assert all(math.isfinite(loss) for loss in found.losses.values())
    assert found.still == []


@pytest.mark.parametrize(("method", "switches"), VARIANTS.values(), ids=IDS)
def test_a_training_step_never_waits_for_a_value(method, switches):
    assert behaviour(method, switches).waits == {}


@pytest.mark.parametrize(("method", "switches"), VARIANTS.values(), ids=IDS)
def test_losses_on_the_features_of_two_processes_are_those_of_one(method, switches):
    model = build(method, switches)
    whole, _ = batch(method, switches)
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm | torch.nn.Dropout):
            module.eval()
    half = torch.arange(len(whole.images)).chunk(2)
    with torch.no_grad():
        # Losses may learn, as centre loss does, so each side has its own network.
        expected = copy.deepcopy(model).losses(model(whole), whole)
        parts = [model(taken(whole, rows)) for rows in half]
        tensors = [[], []]
        for part, found in zip(parts, tensors, strict=True):
            with_each_tensor(part, found.append)
        together = iter([torch.cat(pair) for pair in zip(*tensors, strict=True)])
        features = with_each_tensor(parts[0], lambda _: next(together))
        losses = model.losses(features, dataclasses.replace(whole, images=whole.images[:0]))
    for name, loss in expected.items():
        assert losses[name].item() == pytest.approx(loss.item(), rel=1e-3, abs=1e-4)


def taken(whole, rows):
    """The batch that one process of several gets."""
    of_images = {name: getattr(whole, name)[rows] for name in ("images", "labels", "cameras", "indices")}
    return dataclasses.replace(whole, **of_images, priors={kind: prior[rows] for kind, prior in whole.priors.items()})


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_embeddings_are_finite_named_and_of_one_row_an_image(method):
    switches = method.switches()
    model = build(method, switches).eval()
    images, priors = batch(method, switches)
    with torch.inference_mode():
        embeddings = model.embed(images.images, inference_priors(method, switches, priors))
    assert set(method.embedding(switches).split("+")) <= set(embeddings)
    for features in embeddings.values():
        assert features.shape[0] == len(images.images)
        assert torch.isfinite(features).all()


@pytest.mark.parametrize(("method", "switches"), VARIANTS.values(), ids=IDS)
def test_attention_is_drawn_over_the_images_in_0_to_1(method, switches):
    model = build(method, switches)
    recipe = method.recipe(switches, "synthetic", "demo")
    _, priors = batch(method, switches)
    pixels = np.random.default_rng(0).integers(0, 256, (3, recipe.height, recipe.width, 3), dtype=np.uint8)
    given = {kind: prior.cpu().numpy() for kind, prior in inference_priors(method, switches, priors).items()}
    drawn = attention(model, pixels, given, MACHINE, method.attention)
    if drawn is not None:
        assert drawn["maps"].shape == (3, len(drawn["names"]), recipe.height, recipe.width)
        assert drawn["maps"].max() > 0


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_an_image_is_embedded_the_same_whatever_stands_beside_it(method):
    switches = method.switches()
    model = build(method, switches).eval()
    images, priors = batch(method, switches)
    chosen = inference_priors(method, switches, priors)
    with torch.inference_mode():
        together = model.embed(images.images, chosen)
        alone = model.embed(images.images[:1], {kind: prior[:1] for kind, prior in chosen.items()})
    for name, features in together.items():
        torch.testing.assert_close(features[:1], alone[name], rtol=1e-4, atol=1e-5)


@cache
def outline(method, switches):
    """What a switch can move without a step of training: structure, recipe, feature that is read, priors."""
    model = build(method, switches)
    recipe = method.recipe(switches, "synthetic", "demo")
    return (
        tuple((name, tuple(parameter.shape)) for name, parameter in model.named_parameters()),
        (method.embedding(switches), method.reranked(switches)),
        recipe,
        method.priors(switches),
    )


class Behaviour(NamedTuple):
    """What else a switch can move: the losses of a second step and the test features after it."""

    losses: dict[str, float]
    features: dict[str, bytes]
    still: list[str]
    """Parameters that the recipe optimises and two steps have not moved."""
    waits: Counter[str]
    """The operations of the second step for which the host would wait for a GPU."""


@cache
def behaviour(method, switches):
    model = build(method, switches)
    images, priors = batch(method, switches)
    recipe = method.recipe(switches, "synthetic", "demo")
    optimiser = build_optimiser(model, recipe.optimiser)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    model.train()
    for _ in range(2):
        with WaitingOperations(host_state(optimiser)) as waiting:
            losses = training_step(model, images, optimiser, MACHINE)
        assert all(loss.dim() == 0 for loss in losses.values())
        model.end_epoch({name: float(loss) for name, loss in losses.items()})
    still = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and torch.equal(parameter, before[name])
    ]
    model.eval()
    with torch.inference_mode():
        embeddings = model.embed(images.images, inference_priors(method, switches, priors))
    return Behaviour(
        {name: float(loss) for name, loss in losses.items()},
        {name: features.cpu().numpy().tobytes() for name, features in embeddings.items()},
        still,
        waiting.found,
    )


@cache
def parameters(method, switches):
    """The last that a switch can move: the parameters that test features depend on."""
    recipe = method.recipe(switches, "synthetic", "demo")
    return count_parameters(build(method, switches), recipe.height, recipe.width, method.priors(switches).inference)


def differ(method, first, second):
    """Whether the two can be told apart; what takes longer is asked for only where the rest is the same."""
    return any(asked(method, first) != asked(method, second) for asked in (outline, behaviour, parameters))


def alternatives(method, switches, name):
    """The switches with ``name`` at each other value of its type, where the method allows that."""
    hint, value = get_type_hints(method.switches)[name], getattr(switches, name)
    others = [not value] if hint is bool else [value * 2] if hint in (int, float) else get_args(hint)
    for other in others:
        with contextlib.suppress(ValueError, TypeError):
            if other != value:
                yield dataclasses.replace(switches, **{name: other})


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_parts_that_recipes_give_a_rate_of_their_own_exist_at_every_alternative_of_every_switch(method):
    def optimisers(switches):
        return tuple(method.recipe(switches, "synthetic", profile).optimiser for profile in PROFILES)

    variants = [switches for owner, switches in VARIANTS.values() if owner is method]
    # Alternatives of one variant of each recipe: of all they would be a thousand.
    unlike = {optimisers(switches): switches for switches in reversed(variants)}.values()
    names = [field.name for field in dataclasses.fields(method.switches)]
    others = [other for variant in unlike for name in names for other in alternatives(method, variant, name)]
    for switches in dict.fromkeys([*variants, *others]):
        if any(settings.multipliers for settings in optimisers(switches)):
            with torch.device("meta"):
                model = build(method, switches)
            for settings in optimisers(switches):
                build_optimiser(model, settings)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_no_two_variants_of_the_tables_act_alike(method):
    variants = [switches for owner, switches in VARIANTS.values() if owner is method]
    for first, second in combinations(variants, 2):
        assert differ(method, first, second), f"{first} and {second} act alike"


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_every_switch_moves_something(method):
    variants = [switches for owner, switches in VARIANTS.values() if owner is method]
    moved = {
        field.name
        for field in dataclasses.fields(method.switches)
        for switches in variants
        if getattr(switches, field.name) != getattr(variants[0], field.name)
    }
    for name in {field.name for field in dataclasses.fields(method.switches)} - moved:
        others = ((variant, other) for variant in variants for other in alternatives(method, variant, name))
        assert any(differ(method, variant, other) for variant, other in others), f"{name} moves nothing"
