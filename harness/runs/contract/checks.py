"""The checks of the contract. Each yields a sentence per fault: where, what is wrong, and the fix."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness import registry
from harness.errors import BadInput
from harness.method import Method
from harness.models.reid import Batch, ReIDModel
from harness.recipe import PROFILES, Recipe
from harness.runs.contract.behaviour import MACHINE, behaviour, differ
from harness.runs.contract.variants import (
    DATASET,
    alternatives,
    built,
    inference_priors,
    noise_batch,
    variants,
)
from harness.runs.illustrations import attention
from harness.tables import load
from harness.training.optimisation import build_optimiser
from harness.training.step import with_each_tensor

Faults = Iterator[str]


@dataclass(frozen=True)
class MethodCheck:
    """A check of a method as a whole. Without ``founding`` ones in order, no other check is worth its time."""

    name: str
    faults: Callable[[Method], Faults]
    founding: bool = False


@dataclass(frozen=True)
class VariantCheck:
    """A check of one variant of a method: of its switches."""

    name: str
    faults: Callable[[Method, Any], Faults]
    founding: bool = False


def gives_its_parts(method: Method) -> Faults:
    """The package that defines METHOD gives its build, recipe, embedding and switches, too."""
    module = importlib.import_module(registry.package(method.id))
    parts = {"build": method.build, "recipe": method.recipe, "embedding": method.embedding}
    for name, part in {**parts, method.switches.__name__: method.switches}.items():
        if getattr(module, name, None) != part:
            yield f"{module.__file__}: no {name}, or another than METHOD has; import or define it there"


def names_its_model(method: Method) -> Faults:
    """METHOD.model names a class of ReIDModel."""
    address, name = method.model_address
    model = getattr(importlib.import_module(address), name, None)
    if not isinstance(model, type) or not issubclass(model, ReIDModel):
        yield f"METHOD.model is {method.model!r}, which is no ReIDModel; derive the class from harness.models.reid"


def has_readable_tables(method: Method) -> Faults:
    """tables.yaml is valid, and its rows name switches that exist."""
    if not load(registry.folders()[method.id] / "tables.yaml", method.id):
        yield "tables.yaml has no table; add one"


def has_recipes(method: Method) -> Faults:
    """There is a recipe for every profile, and its schedule ends within its epochs."""
    for profile in PROFILES:
        recipe: Any = method.recipe(method.switches(), "market1501", profile)
        if not isinstance(recipe, Recipe):
            yield f"recipe gives {type(recipe).__name__} at profile {profile}; return a harness.recipe.Recipe"
        elif recipe.epochs < 1 or max(recipe.schedule.milestones, default=0) >= recipe.epochs:
            yield (
                f"the recipe of profile {profile} has {recipe.epochs} epochs and milestones "
                f"{list(recipe.schedule.milestones)}; give 1 epoch or more, and milestones below them"
            )


def has_scalar_losses(method: Method, switches: Any) -> Faults:
    """The network is built, and its losses are named scalars."""
    batch, _ = noise_batch(method, switches)
    model = built(method, switches).train()
    losses: Any = model.losses(model(batch), batch)
    if not isinstance(losses, dict) or not losses:
        yield f"losses gives {type(losses).__name__}; return a dict from names to scalar tensors"
        return
    for name, loss in losses.items():
        if not isinstance(loss, Tensor):
            yield f"loss {name!r} is {type(loss).__name__}; return a tensor, so that it can be differentiated"
        elif loss.dim() != 0:
            yield f"loss {name!r} has shape {tuple(loss.shape)}; return a scalar, such as its mean over the images"
        elif not math.isfinite(float(loss.detach())):
            yield f"loss {name!r} is {float(loss.detach())} on noise; look for a logarithm or a division of 0"


def embeds_a_row_per_image(method: Method, switches: Any) -> Faults:
    """Embeddings are finite, named, and one row per image; the ranked feature is among them."""
    batch, priors = noise_batch(method, switches)
    count = len(batch.images)
    with torch.inference_mode():
        found: Any = built(method, switches).eval().embed(batch.images, inference_priors(method, switches, priors))
    if not isinstance(found, dict):
        yield f"embed gives {type(found).__name__}; return a dict from names to features (B, D)"
        return
    for name in method.embedding(switches).split("+"):
        if name not in found:
            yield f"embedding names the feature {name!r}, but embed gives {', '.join(found) or 'none'}; use one name"
    for name, features in found.items():
        if not isinstance(features, Tensor) or features.dim() != 2 or len(features) != count:
            shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
            yield f"embed gives {name!r} of shape {shape} for {count} images; return ({count}, D)"
        elif not torch.isfinite(features).all():
            yield f"embed gives {name!r} with NaN or infinite values on noise"


def moves_every_parameter(method: Method, switches: Any) -> Faults:
    """Two steps give finite losses and move every parameter that the recipe optimises."""
    found = behaviour(method, switches)
    for name, loss in found.losses.items():
        if not math.isfinite(loss):
            yield f"loss {name!r} is {loss} after one step"
    if found.still:
        yield (
            f"two steps do not move {_first(found.still)}; let a loss depend on it, remove it, or give it "
            "requires_grad=False"
        )


def never_waits(method: Method, switches: Any) -> Faults:
    """A training step moves no value to the host and has no shape that depends on values."""
    found = behaviour(method, switches)
    for name, count in found.waits.items():
        yield f"{found.places[name]}: {name} makes a GPU wait ({count} times per step); compute it with tensors instead"


def loses_alike_on_two_processes(method: Method, switches: Any) -> Faults:
    """Losses on the joined features of two processes are those of one."""
    model = built(method, switches)
    whole, _ = noise_batch(method, switches)
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm | torch.nn.Dropout):
            module.eval()
    halves = torch.arange(len(whole.images)).chunk(2)
    with torch.no_grad():
        # Losses may learn, as centre loss does, so each side has its own network.
        expected = copy.deepcopy(model).losses(model(whole), whole)
        parts = [model(_share(whole, rows)) for rows in halves]
        tensors: list[list[Tensor]] = [[], []]
        for part, found in zip(parts, tensors, strict=True):
            with_each_tensor(part, lambda tensor, found=found: found.append(tensor))  # type: ignore[misc]
        together = iter([torch.cat(pair) for pair in zip(*tensors, strict=True)])
        features = with_each_tensor(parts[0], lambda _: next(together))
        losses = model.losses(features, dataclasses.replace(whole, images=whole.images[:0]))
    for name, loss in expected.items():
        if not math.isclose(losses[name].item(), loss.item(), rel_tol=1e-3, abs_tol=1e-4):
            yield (
                f"loss {name!r} is {loss.item():.4f} in one process and {losses[name].item():.4f} on the joined "
                "features of two; let losses read features, labels and priors only"
            )


def _share(whole: Batch, rows: Tensor) -> Batch:
    """The batch that one process of several gets."""
    of_images = {name: getattr(whole, name)[rows] for name in ("images", "labels", "cameras", "indices")}
    return dataclasses.replace(whole, **of_images, priors={kind: prior[rows] for kind, prior in whole.priors.items()})


def embeds_an_image_alike_in_any_batch(method: Method) -> Faults:
    """An image is embedded the same whatever stands beside it."""
    switches = method.switches()
    model = built(method, switches).eval()
    batch, priors = noise_batch(method, switches)
    chosen = inference_priors(method, switches, priors)
    with torch.inference_mode():
        together = model.embed(batch.images, chosen)
        alone = model.embed(batch.images[:1], {kind: prior[:1] for kind, prior in chosen.items()})
    for name, features in together.items():
        if not torch.allclose(features[:1], alone[name], rtol=1e-4, atol=1e-5):
            yield f"embed gives another {name!r} of an image alone than in a batch; mix no images at inference"


def draws_attention_within_0_to_1(method: Method, switches: Any) -> Faults:
    """Attention maps, where there are any, are drawn over the images in 0..1."""
    recipe = method.recipe(switches, DATASET, "demo")
    _, priors = noise_batch(method, switches)
    pixels = np.random.default_rng(0).integers(0, 256, (3, recipe.height, recipe.width, 3), dtype=np.uint8)
    given = {kind: prior.cpu().numpy() for kind, prior in inference_priors(method, switches, priors).items()}
    drawn = attention(built(method, switches), pixels, given, MACHINE, method.attention)
    if drawn is None:
        return
    wanted = (3, len(drawn["names"]), recipe.height, recipe.width)
    if drawn["maps"].shape != wanted:
        yield f"attention maps have shape {drawn['maps'].shape}, not {wanted}; return (B, h, w) per name"
    elif not drawn["maps"].max() > 0:
        yield "attention maps are 0 everywhere; return values in 0..1"


def has_no_two_rows_alike(method: Method) -> Faults:
    """No two rows of the tables act alike."""
    for (one, first), (other, second) in combinations(variants(method).items(), 2):
        if not differ(method, first, second):
            yield f"{one} and {other} act alike; let the model, its losses or the recipe read their switches"


def has_parts_for_its_rates(method: Method) -> Faults:
    """Parts that recipes give a rate of their own exist at every alternative of every switch."""

    def optimisers(switches: Any) -> tuple[Any, ...]:
        return tuple(method.recipe(switches, DATASET, profile).optimiser for profile in PROFILES)

    of_rows = list(variants(method).values())
    # Alternatives of one variant of each recipe: of all they would be a thousand.
    unlike = {optimisers(switches): switches for switches in reversed(of_rows)}.values()
    names = [field.name for field in dataclasses.fields(method.switches)]
    others = [other for variant in unlike for name in names for other in alternatives(method, variant, name)]
    for switches in dict.fromkeys([*of_rows, *others]):
        settings = [each for each in optimisers(switches) if each.multipliers]
        if settings:
            with torch.device("meta") as meta:
                model = built(method, switches, device=meta)
            try:
                for each in settings:
                    build_optimiser(model, each)
            except BadInput as error:
                yield f"{switches}: {error}"


def has_no_idle_switch(method: Method) -> Faults:
    """Every switch moves something: structure, recipe, losses or features."""
    of_rows = list(variants(method).values())
    names = [field.name for field in dataclasses.fields(method.switches)]
    moved = {name for name in names for each in of_rows if getattr(each, name) != getattr(of_rows[0], name)}
    for name in names:
        others = ((variant, other) for variant in of_rows for other in alternatives(method, variant, name))
        if name not in moved and not any(differ(method, variant, other) for variant, other in others):
            yield f"switch {name} moves nothing; read it in the model, its losses or the recipe, or remove it"


def _first(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


CHECKS: tuple[MethodCheck | VariantCheck, ...] = (
    MethodCheck("the package gives build, recipe, embedding and switches", gives_its_parts, founding=True),
    MethodCheck("METHOD.model names a ReIDModel", names_its_model, founding=True),
    MethodCheck("tables.yaml is valid, and its rows name known switches", has_readable_tables, founding=True),
    MethodCheck("there is a recipe for every profile", has_recipes, founding=True),
    VariantCheck("the network is built, and its losses are named scalars", has_scalar_losses, founding=True),
    VariantCheck("embeddings are finite, named, one row per image", embeds_a_row_per_image, founding=True),
    VariantCheck("two steps move every parameter that the recipe optimises", moves_every_parameter),
    VariantCheck("a training step never waits for a value", never_waits),
    VariantCheck("losses on the features of two processes are those of one", loses_alike_on_two_processes),
    MethodCheck("an image is embedded the same whatever stands beside it", embeds_an_image_alike_in_any_batch),
    VariantCheck("attention maps lie in 0 to 1, one per image", draws_attention_within_0_to_1),
    MethodCheck("no two rows of the tables act alike", has_no_two_rows_alike),
    MethodCheck("parts with a rate of their own exist whatever the switches", has_parts_for_its_rates),
    MethodCheck("every switch moves something", has_no_idle_switch),
)
"""All checks, in the order in which they are made."""
