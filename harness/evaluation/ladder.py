"""The protocol gap ladder: which switch of the protocol, or which two, close the gap to a published figure?

Frameworks disagree on how a re-ID figure is made from the same features. The stored features of a record are scored
again under each of these disagreements, without training, and the settings are ranked by what remains of the gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput
from harness.evaluation.distance import Metric
from harness.evaluation.metrics import METRICS, Scores
from harness.evaluation.protocols import Protocol
from harness.evaluation.scoring import Reranking, score
from harness.files.arrays import DAMAGED_ARRAYS

CLOSED = 0.1
"""Points that may remain of a gap that is closed: a unit of the last digit that most tables print."""

Figures = Mapping[str, float]
"""Metrics by name, in percent."""


RERANKINGS = (Reranking(), Reranking(50, 15, 0.3))
"""The paper's parameters, and the defaults of the evaluation code of TransReID (He et al., ICCV 2021) and its heirs."""


@dataclass(frozen=True)
class Setting:
    """How features become figures. ``flip``: features are sums over an image and its mirror. ``distractors``: gallery
    images of people whom no query shows are ranked. ``junk_kept``: gallery images of the protocol's junk identity are
    ranked, as negatives."""

    flip: bool
    metric: Metric = "cosine"
    average_precision: Literal["step", "trapezoid"] = "step"
    same_camera_junk: bool = True
    junk_kept: bool = False
    distractors: bool = True
    reranking: Reranking | None = None


@dataclass(frozen=True)
class Switch:
    """One field of a setting, turned to another value; ``label`` says so in words."""

    field: str
    value: Any
    label: str

    def turned(self, setting: Setting) -> Setting:
        """The setting with this switch turned."""
        return replace(setting, **{self.field: self.value})


@dataclass(frozen=True, eq=False)
class StoredFeatures:
    """The features of an evaluation, with what is needed to score them by other rules.

    ``query`` and ``gallery`` map ``flip`` to raw features (Q, D) and (G, D), for those that are stored. ``junk`` maps
    it to those of the gallery images (J, D) that the loader left out, if they are stored, and ``junk_cams`` are their
    cameras (J,).
    """

    query: Mapping[bool, NDArray[Any]]
    gallery: Mapping[bool, NDArray[Any]]
    junk: Mapping[bool, NDArray[Any]]
    query_ids: NDArray[np.int64]
    gallery_ids: NDArray[np.int64]
    query_cams: NDArray[np.int64]
    gallery_cams: NDArray[np.int64]
    junk_cams: NDArray[np.int64]

    @classmethod
    def read(cls, path: Path, flip: bool) -> StoredFeatures:
        """From ``features.npz``, whose ``query`` and ``gallery`` are with ``flip`` or without.

        Where the file also holds ``query_other_flip`` and ``gallery_other_flip``, those are the other way round;
        ``junk``, ``junk_other_flip`` and ``junk_cams`` are of the images that the loader left out.

        Raises BadInput naming the file when it is missing, damaged or not whole.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                names = {flip: "", not flip: "_other_flip"}
                query, gallery, junk = (
                    {way: arrays[split + end] for way, end in names.items() if split + end in arrays}
                    for split in ("query", "gallery", "junk")
                )
                labels = {name: arrays[name] for name in ("query_ids", "gallery_ids", "query_cams", "gallery_cams")}
                junk_cams = arrays["junk_cams"] if junk else np.zeros(0, np.int64)
        except DAMAGED_ARRAYS as error:
            raise BadInput(f"{path} holds no features that can be scored ({error}); run its cell again") from error
        if flip not in query or query.keys() != gallery.keys():
            raise BadInput(f"{path} lacks features of the query or of the gallery; run its cell again")
        return cls(query, gallery, junk, **labels, junk_cams=junk_cams)


@dataclass(frozen=True)
class Rung:
    """One setting that was tried: the ``switches`` turned, the ``figures`` of the published metrics that it gives, and
    their ``differences``, measured - published."""

    switches: tuple[str, ...]
    figures: Figures
    differences: Figures

    @property
    def remaining(self) -> float:
        """The largest of the differences, whatever its sign."""
        return max(abs(difference) for difference in self.differences.values())


@dataclass(frozen=True)
class Ladder:
    """``recorded`` is the rung without any switch; ``rungs`` are all others, the one with least remaining first.
    ``without_effect`` are the switches that move no published metric, and are in no rung."""

    recorded: Rung
    rungs: tuple[Rung, ...]
    without_effect: tuple[str, ...]

    @property
    def closest(self) -> Rung:
        """The rung of fewest switches that closes the gap, or the one with least remaining where none does."""
        everything = [self.recorded, *self.rungs]
        closing = [rung for rung in everything if rung.remaining <= CLOSED]
        if closing:
            return min(closing, key=lambda rung: (len(rung.switches), rung.remaining))
        return min(everything, key=lambda rung: rung.remaining)


def climb(
    stored: StoredFeatures,
    rule: Protocol,
    recorded: Setting,
    published: Figures,
    known: Mapping[Setting, Figures] | None = None,
) -> Ladder:
    """Score ``stored`` features under every switch and every pair of switches that they allow.

    ``rule`` is the protocol of the record and ``recorded`` its setting. ``known`` are figures of settings in step form
    that need not, or cannot, be scored from what is stored.

    Raises BadInput when no metric of ``published`` is one that scoring gives.
    """
    figures = {metric: figure for metric, figure in published.items() if metric in METRICS}
    if not figures:
        raise BadInput(f"none of the published metrics ({', '.join(published) or 'none'}) is one that scoring gives")
    scorer = _Scorer(stored, rule, dict(known or {}))
    base = scorer.rung(recorded, (), figures)
    singles: list[tuple[Switch, Rung]] = []
    without_effect: list[str] = []
    for switch in _switches(recorded, rule):
        if scorer.can(switch.turned(recorded)):
            rung = scorer.rung(switch.turned(recorded), (switch.label,), figures)
            if rung.figures == base.figures:
                without_effect.append(switch.label)
            else:
                singles.append((switch, rung))
    rungs = [rung for _, rung in singles]
    for (first, _), (second, _) in combinations(singles, 2):
        both = second.turned(first.turned(recorded))
        if first.field != second.field and scorer.can(both):
            rungs.append(scorer.rung(both, (first.label, second.label), figures))
    rungs.sort(key=lambda rung: (round(rung.remaining, 6), len(rung.switches)))
    return Ladder(base, tuple(rungs), tuple(without_effect))


def _switches(recorded: Setting, rule: Protocol) -> list[Switch]:
    """Every switch that can be turned from the recorded setting."""
    metric: Metric = "euclidean" if recorded.metric == "cosine" else "cosine"
    how = "Euclidean distance of features as they are" if metric == "euclidean" else "cosine distance"
    form = "trapezoid" if recorded.average_precision == "step" else "step"
    switches = [
        Switch("average_precision", form, f"average precision in {form} form"),
        Switch("metric", metric, how),
        Switch("flip", not recorded.flip, "without flip" if recorded.flip else "with flip"),
        Switch(
            "same_camera_junk",
            not recorded.same_camera_junk,
            f"same-camera rule {'off' if recorded.same_camera_junk else 'on'}",
        ),
    ]
    if rule.draw is None and not rule.identity_cmc:
        switches.append(Switch("distractors", False, "distractors dropped"))
        others = [parameters for parameters in RERANKINGS if parameters != recorded.reranking]
        switches += [Switch("reranking", parameters, str(parameters)) for parameters in others]
        if recorded.reranking:
            switches.append(Switch("reranking", None, "without re-ranking"))
    if rule.junk_identity is not None:
        switches.append(Switch("junk_kept", True, "junk kept"))
    return switches


class _Scorer:
    """Figures of settings, each scored once."""

    def __init__(self, stored: StoredFeatures, rule: Protocol, known: dict[Setting, Figures]) -> None:
        self.stored = stored
        self.rule = rule
        self.known = known

    def can(self, setting: Setting) -> bool:
        """Whether what is stored suffices."""
        has_junk = not setting.junk_kept or setting.flip in self.stored.junk
        return replace(setting, average_precision="step") in self.known or (
            setting.flip in self.stored.query and has_junk
        )

    def rung(self, setting: Setting, switches: tuple[str, ...], published: Figures) -> Rung:
        """The figures of a setting beside the published ones."""
        in_step_form = replace(setting, average_precision="step")
        if in_step_form not in self.known:
            self.known[in_step_form] = self._scores(setting).metrics
        metrics = dict(self.known[in_step_form])
        if setting.average_precision == "trapezoid":
            metrics["map"] = metrics["map_trapezoid"]
        figures = {metric: metrics[metric] for metric in published}
        return Rung(switches, figures, {metric: figures[metric] - published[metric] for metric in published})

    def _scores(self, setting: Setting) -> Scores:
        stored = self.stored
        query, gallery = stored.query[setting.flip], stored.gallery[setting.flip]
        gallery_ids, gallery_cams = stored.gallery_ids, stored.gallery_cams
        rule = replace(self.rule, same_camera_junk=setting.same_camera_junk)
        if not setting.distractors:
            shown = np.isin(gallery_ids, stored.query_ids)
            gallery, gallery_ids, gallery_cams = gallery[shown], gallery_ids[shown], gallery_cams[shown]
        if setting.junk_kept:
            junk = stored.junk[setting.flip]
            gallery = np.concatenate([gallery, junk])
            gallery_ids = np.concatenate([gallery_ids, np.full(len(junk), rule.junk_identity)])
            gallery_cams = np.concatenate([gallery_cams, stored.junk_cams])
            rule = replace(rule, junk_identity=None)
        labels = (stored.query_ids, gallery_ids, stored.query_cams, gallery_cams)
        return score(query, gallery, *labels, rule, setting.metric, reranking=setting.reranking)
