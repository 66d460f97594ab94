"""The two branches: uniform parts (Sec. III-A), and attention to content (Sec. III-B)."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from harness.models.stripes import stripes
from methods.mdpr.attention import AttentionGeneration, BilinearAttentionPooling, GuidedAttention, shares
from methods.mdpr.pooling import Embedding, Head
from methods.mdpr.switches import MDPRSwitches

PARTS = 2
"""N: the upper and the lower half of the body (Sec. III-A)."""


@dataclass
class View:
    """The outputs of one branch, or of both, for a batch.

    ``features``: name -> (B, D), after the neck. ``embedded``: name -> (B, M, h, w), the maps that features are pooled
    from; fusion reads them. ``attention``: level (``A5``, ``A4``) -> maps (B, K, h, w) in 0..1. ``attended``: level ->
    (B, K, M), the vectors pooled under the maps, before BN.
    """

    features: dict[str, Tensor] = field(default_factory=dict)
    embedded: dict[str, Tensor] = field(default_factory=dict)
    attention: dict[str, Tensor] = field(default_factory=dict)
    attended: dict[str, Tensor] = field(default_factory=dict)

    def beside(self, other: View) -> View:
        """The outputs of both."""
        return View(
            self.features | other.features,
            self.embedded | other.embedded,
            self.attention | other.attention,
            self.attended | other.attended,
        )


class HardBranch(nn.Module):
    """Hard content branch (Fig. 3): one global and two part features of C5."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.whole = Head(channels, width)
        self.parts = nn.ModuleList(Head(channels, width) for _ in range(PARTS))

    def forward(self, c5: Tensor) -> View:
        """``hard_g5``, ``hard_p1`` and ``hard_p2`` of (B, C, h, w)."""
        view = View()
        view.embedded["hard_g5"], view.features["hard_g5"] = self.whole(c5)
        for number, (part, rows) in enumerate(zip(self.parts, stripes(c5.shape[2], PARTS), strict=True), 1):
            view.embedded[f"hard_p{number}"], view.features[f"hard_p{number}"] = part(c5[:, :, rows])
        return view


class SoftBranch(nn.Module):
    """Soft content branch (Fig. 5): two global features, and the features pooled under the maps A5 and A4."""

    def __init__(self, coarse: int, fine: int, width: int, switches: MDPRSwitches) -> None:
        super().__init__()
        maps, released = switches.num_attention, switches.released
        self.convolve = Embedding(coarse, coarse)
        self.attention5 = AttentionGeneration(fine, maps)
        self.attention4 = GuidedAttention(coarse, maps, switches.attention_guidance, released)
        self.bap5 = BilinearAttentionPooling(fine, width, maps, shared_pool=released)
        self.bap4 = BilinearAttentionPooling(coarse, width, maps, shared_pool=released)
        self.whole5 = Head(fine, width)
        self.whole4 = Head(coarse, width)

    def forward(self, c4: Tensor, c5: Tensor) -> View:
        """``soft_g5``, ``soft_g4``, ``bap5`` and ``bap4`` of res-conv4 (B, C, h, w) and res-conv5 (B, 2 C, h, w)."""
        view = View()
        convolved = self.convolve(c4)
        raw5 = self.attention5(c5)
        raw4 = self.attention4(c4, convolved, raw5)
        view.attention = {"A5": shares(raw5)[:, :-1], "A4": shares(raw4)[:, :-1]}
        view.embedded["soft_g5"], view.features["soft_g5"] = self.whole5(c5)
        view.embedded["soft_g4"], view.features["soft_g4"] = self.whole4(convolved)
        view.attended["A5"], view.features["bap5"] = self.bap5(c5, view.attention["A5"])
        view.attended["A4"], view.features["bap4"] = self.bap4(convolved, view.attention["A4"])
        return view
