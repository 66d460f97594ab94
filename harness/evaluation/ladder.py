"""The protocol gap ladder: which protocol switch, or pair of switches, closes the gap to a published figure?

Frameworks compute different re-ID figures from the same features. The stored features of a record are scored again
under each such difference, without training. The settings are then sorted by the gap that remains.
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

CLOSED_GAP_POINTS = 0.1
"""A gap counts as closed when at most this remains: one unit of the last digit that most tables print."""

Figures = Mapping[str, float]
"""Metrics by name, in percent."""


RERANKINGS = (Reranking(), Reranking(50, 15, 0.3))
"""The paper's parameters, and the defaults of TransReID's evaluation code (He et al., ICCV 2021) and its successors."""


@dataclass(frozen=True)
class Setting:
    """How features become figures.

    ``flip``: features are sums over an image and its mirror image. ``distractors``: gallery images of people without a
    query are ranked. ``junk_kept``: gallery images of the protocol's junk identity are ranked, as negatives.
    """

    flip: bool
    metric: Metric = "cosine"
    average_precision: Literal["step", "trapezoid"] = "step"
    same_camera_junk: bool = True
    junk_kept: bool = False
    distractors: bool = True
    reranking: Reranking | None = None


@dataclass(frozen=True)
class ProtocolSwitch:
    """Another ``value`` for one ``field`` of a setting; ``label`` describes the change."""

    field: str
    value: Any
    label: str

    def turned(self, setting: Setting) -> Setting:
        """A copy of the setting with this switch turned."""
        return replace(setting, **{self.field: self.value})


@dataclass(frozen=True, eq=False)
class StoredFeatures:
    """The features of an evaluation, and all that scoring them by other rules needs.

    ``query`` and ``gallery`` map ``flip`` to raw features (Q, D) and (G, D), where stored. ``junk`` maps ``flip`` to
    the features (J, D) of gallery images that the loader left out, where stored; ``junk_cams`` are their cameras (J,).
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
        """Read ``features.npz``, where ``flip`` says how ``query`` and ``gallery`` were made.

        ``query_other_flip`` and ``gallery_other_flip``, where present, were made with the opposite of ``flip``.
        ``junk``, ``junk_other_flip`` and ``junk_cams`` belong to the images that the loader left out.

        Raises BadInput, naming the file, when it is missing, damaged or incomplete.
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
        except FileNotFoundError as error:
            raise BadInput(f"{path} was not kept; run its cell again") from error
        except DAMAGED_ARRAYS as error:
            raise BadInput(f"{path} holds no features to score ({error}); run its cell again") from error
        if flip not in query or query.keys() != gallery.keys():
            raise BadInput(f"{path} lacks features of the query or of the gallery; run its cell again")
        return cls(query, gallery, junk, **labels, junk_cams=junk_cams)


@dataclass(frozen=True)
class Rung:
    """One setting that was tried: the labels of the ``switches`` turned, its ``figures`` for the published metrics, and
    the ``differences``, measured - published."""

    switches: tuple[str, ...]
    figures: Figures
    differences: Figures

    @property
    def remaining(self) -> float:
        """The largest absolute difference."""
        return max(abs(difference) for difference in self.differences.values())


@dataclass(frozen=True)
class Ladder:
    """All settings that were tried.

    ``recorded`` is the rung without any switch. ``rungs`` are the others, sorted by the gap that remains, smallest
    first. ``without_effect`` are the switches that move no published metric; no rung has them.
    """

    recorded: Rung
    rungs: tuple[Rung, ...]
    without_effect: tuple[str, ...]

    @property
    def closest(self) -> Rung:
        """The rung with the fewest switches that closes the gap, else the rung with the smallest remaining gap."""
        everything = [self.recorded, *self.rungs]
        closing = [rung for rung in everything if rung.remaining <= CLOSED_GAP_POINTS]
        if closing:
            return min(closing, key=lambda rung: (len(rung.switches), rung.remaining))
        return min(everything, key=lambda rung: rung.remaining)


def build_ladder(
    stored: StoredFeatures,
    rule: Protocol,
    recorded: Setting,
    published: Figures,
    known: Mapping[Setting, Figures] | None = None,
    pairs: bool = True,
) -> Ladder:
    """Score ``stored`` features under every switch and every pair of switches that they allow.

    Args:
        stored: The features of the record's evaluation.
        rule: The protocol of the record.
        recorded: The setting of the record.
        published: Published metrics by name, in percent.
        known: Figures of settings, in step form, that are known without scoring or that ``stored`` cannot give.
        pairs: Whether pairs of switches are tried, too.

    Raises:
        BadInput: Scoring gives no metric of ``published``.
    """
    figures = {metric: figure for metric, figure in published.items() if metric in METRICS}
    if not figures:
        raise BadInput(f"scoring gives none of the published metrics ({', '.join(published) or 'none'})")
    scorer = _Scorer(stored, rule, dict(known or {}))
    base = scorer.rung(recorded, (), figures)
    singles: list[tuple[ProtocolSwitch, Rung]] = []
    without_effect: list[str] = []
    for switch in _switches(recorded, rule):
        if scorer.can_score(switch.turned(recorded)):
            rung = scorer.rung(switch.turned(recorded), (switch.label,), figures)
            if rung.figures == base.figures:
                without_effect.append(switch.label)
            else:
                singles.append((switch, rung))
    rungs = [rung for _, rung in singles]
    for (first, _), (second, _) in combinations(singles, 2) if pairs else ():
        both = second.turned(first.turned(recorded))
        if first.field != second.field and scorer.can_score(both):
            rungs.append(scorer.rung(both, (first.label, second.label), figures))
    rungs.sort(key=lambda rung: (round(rung.remaining, 6), len(rung.switches)))
    return Ladder(base, tuple(rungs), tuple(without_effect))


def _switches(recorded: Setting, rule: Protocol) -> list[ProtocolSwitch]:
    """Every switch that the recorded setting allows."""
    metric: Metric = "euclidean" if recorded.metric == "cosine" else "cosine"
    how = "Euclidean distance of features as they are" if metric == "euclidean" else "cosine distance"
    form = "trapezoid" if recorded.average_precision == "step" else "step"
    switches = [
        ProtocolSwitch("average_precision", form, f"average precision in {form} form"),
        ProtocolSwitch("metric", metric, how),
        ProtocolSwitch("flip", not recorded.flip, "without flip" if recorded.flip else "with flip"),
        ProtocolSwitch(
            "same_camera_junk",
            not recorded.same_camera_junk,
            f"same-camera rule {'off' if recorded.same_camera_junk else 'on'}",
        ),
    ]
    if rule.draw is None and not rule.identity_cmc:
        switches.append(ProtocolSwitch("distractors", False, "distractors dropped"))
        others = [parameters for parameters in RERANKINGS if parameters != recorded.reranking]
        switches += [ProtocolSwitch("reranking", parameters, str(parameters)) for parameters in others]
        if recorded.reranking:
            switches.append(ProtocolSwitch("reranking", None, "without re-ranking"))
    if rule.junk_identity is not None:
        switches.append(ProtocolSwitch("junk_kept", True, "junk kept"))
    return switches


class _Scorer:
    """Scores settings, each once."""

    def __init__(self, stored: StoredFeatures, rule: Protocol, known: dict[Setting, Figures]) -> None:
        self.stored = stored
        self.rule = rule
        self.known = known

    def can_score(self, setting: Setting) -> bool:
        """Whether the stored features suffice."""
        has_junk = not setting.junk_kept or setting.flip in self.stored.junk
        has_cameras = not setting.same_camera_junk or bool(self.stored.query_cams.any())
        return replace(setting, average_precision="step") in self.known or (
            setting.flip in self.stored.query and has_junk and has_cameras
        )

    def rung(self, setting: Setting, switches: tuple[str, ...], published: Figures) -> Rung:
        """The figures of a setting and their differences from the published ones."""
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
