"""The switches of MDPR."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Literal

from harness.switches import AtLeast, check_values

BRANCHES = ("hard", "soft")
HARD = ("hard_g5", "hard_p1", "hard_p2")
SOFT = ("soft_g5", "soft_g4")
ATTENDED = ("bap5", "bap4")
"""Features pooled under the attention maps. They are trained, and not used at inference (Table I)."""
FEATURES = (*HARD, *SOFT, "fusion", *ATTENDED)
"""Every test feature, in the order of Table I; the unused ones are last."""
ATTENTION_SWITCHES = ("num_attention", "attention_guidance", "beta")


@dataclass(frozen=True)
class MDPRSwitches:
    """The switches of the paper's ablations. The defaults are the full method."""

    embedding_dim: Annotated[int, AtLeast(1)] = 512
    """M: channels of an embedding block on a trunk of 2,048 channels (Table V)."""
    num_attention: Annotated[int, AtLeast(1)] = 2
    """K: attention maps per level, without the background (Table VI)."""
    attention_guidance: bool = True
    """A5 guides the generation of A4 (Table VII)."""
    beta: float = 0.001
    """Weight of the L1 term in the attention diversity loss (Eq. 7, Table X)."""
    distillation: bool = True
    fusion: bool = True
    branches: tuple[str, ...] = BRANCHES
    independent_networks: bool = False
    """Two whole networks that share nothing (Table IX)."""
    features: tuple[str, ...] = (*HARD, *SOFT, "fusion")
    """The features that are concatenated at test (Table I and VIII)."""
    variant: Literal["paper", "released"] = "paper"
    """Which of the two is followed where the authors' code differs from the paper (README.md lists each point)."""

    def __post_init__(self) -> None:
        check_values(self)
        for name, known in (("branches", BRANCHES), ("features", FEATURES)):
            object.__setattr__(self, name, self._in_order(name, known))
        self._check_combination()

    @property
    def released(self) -> bool:
        """Whether the authors' code is followed instead of the paper."""
        return self.variant == "released"

    @property
    def trained_features(self) -> tuple[str, ...]:
        """Names of the features that a network with these switches has."""
        hard = HARD if "hard" in self.branches else ()
        soft = (*SOFT, *ATTENDED) if "soft" in self.branches else ()
        return (*hard, *soft, *(("fusion",) if self.fusion else ()))

    def _in_order(self, name: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """The names given in a switch, in the paper's order, because their order changes nothing."""
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
