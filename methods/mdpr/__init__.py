"""MDPR: Mutual Distillation Learning For Person Re-Identification (arXiv 2401.06430)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from harness.method import Method, Paper
from harness.models.catalogue import TRUNKS
from harness.recipe import (
    Augmentation,
    Erasing,
    Initialisation,
    Optimiser,
    Patch,
    Profile,
    Recipe,
    Sampler,
    Schedule,
    Warmup,
)
from harness.switches import check_values

if TYPE_CHECKING:
    from harness.models.reid import ReIDModel

BRANCHES = ("hard", "soft")
HARD = ("hard_g5", "hard_p1", "hard_p2")
SOFT = ("soft_g5", "soft_g4")
ATTENDED = ("bap5", "bap4")
"""What is pooled under the attention maps: trained, and not used at inference (Table I)."""
FEATURES = (*HARD, *SOFT, "fusion", *ATTENDED)
"""Every test feature, in the order of Table I with the unused ones last."""
ATTENTION_SWITCHES = ("num_attention", "attention_guidance", "beta")


@dataclass(frozen=True)
class MDPRSwitches:
    """Every switch that the paper's ablations turn; the defaults are its full method.

    Raises ValueError, in one sentence, for a value or a combination that names no variant.
    """

    embedding_dim: int = 512
    """M: channels of an embedding block on a 2,048-channel trunk (Table V)."""
    num_attention: int = 2
    """K: attention maps of each level, the background not counted (Table VI)."""
    attention_guidance: bool = True
    """A5 has a part in making A4 (Table VII)."""
    beta: float = 0.001
    """Weight of the L1 term in the attention diversity loss, Eq. 7 (Table X)."""
    distillation: bool = True
    fusion: bool = True
    branches: tuple[str, ...] = BRANCHES
    independent_networks: bool = False
    """Two whole networks with nothing in common (Table IX)."""
    features: tuple[str, ...] = (*HARD, *SOFT, "fusion")
    """What stands side by side at test (Table I and VIII)."""
    variant: Literal["paper", "released"] = "paper"
    """Where the authors' code differs from the paper: as printed, or as released (README.md lists each point)."""

    def __post_init__(self) -> None:
        check_values(self)
        for name in ("embedding_dim", "num_attention"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number, 1 or more, not {value!r}")
        for name, known in (("branches", BRANCHES), ("features", FEATURES)):
            object.__setattr__(self, name, self._in_order(name, known))
        self._check_combination()

    @property
    def released(self) -> bool:
        """Whether the authors' code is followed where it differs from the paper."""
        return self.variant == "released"

    @property
    def trained_features(self) -> tuple[str, ...]:
        """The features that a network with these switches has."""
        hard = HARD if "hard" in self.branches else ()
        soft = (*SOFT, *ATTENDED) if "soft" in self.branches else ()
        return (*hard, *soft, *(("fusion",) if self.fusion else ()))

    def _in_order(self, name: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """The names in a switch, in the paper's order: neither branches nor features side by side have one."""
        given = getattr(self, name)
        if not isinstance(given, list | tuple) or not given:
            raise ValueError(f"{name} must be a list of at least one of {', '.join(known)}, not {given!r}")
        for each in given:
            if each not in known or given.count(each) > 1:
                raise ValueError(f"{name} must hold {', '.join(known)}, each once at most, not {each!r}")
        return tuple(each for each in known if each in given)

    def _check_combination(self) -> None:
        for name in ("distillation", "fusion", "independent_networks"):
            if getattr(self, name) and self.branches != BRANCHES:
                raise ValueError(f"{name} needs both branches, but branches is {', '.join(self.branches)}")
        if "soft" not in self.branches:
            for each in fields(self):
                if each.name in ATTENTION_SWITCHES and getattr(self, each.name) != each.default:
                    raise ValueError(f"{each.name} needs the soft branch, so leave it out with branches: [hard]")
        for name in self.features:
            if name not in self.trained_features:
                raise ValueError(f"features names {name}, which a network with these switches does not have")


def build(switches: MDPRSwitches, num_classes: int, backbone: str) -> ReIDModel:
    """The network. Torch is imported here, so that listing and planning need none."""
    from methods.mdpr.model import MDPR

    return MDPR(switches, num_classes, backbone)


PROCESSES = 4
"""GPUs of the authors' run, each with its own quarter of the batch, its own mining and its own BN statistics."""
FIRST_FACTOR, LAST_FACTOR = 0.1, 1e-7 / 3.5e-4
"""What the rate is multiplied by where the warm-up begins and the cosine ends: 3.5e-5 and 1e-7 for ``paper``."""
ERASING = Erasing(probability=0.5, area=(0.02, 0.33), aspect=(0.3, 3.3))
"""Filled with the channel mean, which is 0 in normalised units."""
PADDING = 10
"""Pixels of zero padding before a random crop, in the authors' code only."""


@dataclass(frozen=True)
class _Effort:
    """What the profiles spend differently; a batch is ``identities`` times ``images``."""

    backbone: str
    identities: int
    images: int
    epochs: int
    rate: float
    warmup: int
    start: Initialisation


FROM_IDE = Initialisation("run", method="ide")
EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet101_ibn_a", 16, 16, 60, 3.5e-4, 2000, Initialisation("luperson")),
    "budget": _Effort("resnet18_ibn_a", 16, 4, 3, 7e-4, 60, FROM_IDE),
    "demo": _Effort("resnet10_ibn_a", 8, 4, 9, 7e-4, 30, FROM_IDE),
}
SYNERGY_EPOCHS, SYNERGY_WARMUP = 40, 200
"""Sec. IV-B: SynergyReID is smaller."""


def recipe(switches: MDPRSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. IV-B for ``paper``; less of the same for ``budget`` and ``demo``."""
    effort = EFFORT[profile]
    epochs, warmup = effort.epochs, effort.warmup
    if profile == "paper" and dataset == "synergyreid":
        epochs, warmup = SYNERGY_EPOCHS, SYNERGY_WARMUP
    height, width = TRUNKS[effort.backbone].input_size
    groups = PROCESSES if switches.released else 1
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=Sampler(effort.identities // groups, effort.images, groups=groups),
        epochs=epochs,
        optimiser=Optimiser("adam", rate=effort.rate, weight_decay=5e-4),
        schedule=Schedule(warmup=Warmup(warmup, "iterations", start=FIRST_FACTOR), cosine_to=LAST_FACTOR),
        augmentation=Augmentation(
            flip=0.5, padding=PADDING if switches.released else 0, erasing=ERASING, patch=Patch(probability=0.5)
        ),
        initialisation=effort.start,
        losses_over="local" if switches.released else "gathered",
        flip_test=False,
    )


def embedding(switches: MDPRSwitches) -> str:
    """The features that are ranked, side by side (Sec. III-E)."""
    return "+".join(switches.features)


METHOD = Method(
    id="mdpr",
    paper=Paper(
        title="Mutual Distillation Learning For Person Re-Identification",
        venue="arXiv:2401.06430",
        year=2024,
    ),
    switches=MDPRSwitches,
    build=build,
    recipe=recipe,
    embedding=embedding,
    test_switches=frozenset({"features"}),
    attention=(
        "A4 and A5 of the soft branch: each map squared, and their overlay, the squared mean; each from its least "
        "(dark) to its greatest value (bright) (Fig. 9; Fig. 10 sets rows with and without guidance side by side)."
    ),
)
