"""Cross-modality graph structured attention, CGSA (Sec. 3.3), over the images of a training batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from methods.ddag.switches import DDAGSwitches

HEAD_WIDTH = {"paper": 256, "released": 512}
"""d of Eq. 7, as printed and as in the authors' code."""

LEAK = 0.2
"""Slope of the LeakyReLU of Eq. 7 below 0 (code; the paper is silent)."""
DROPOUT = 0.2
"""Dropout of nodes, concatenated heads and every attention matrix (code; the paper is silent)."""
XAVIER_GAIN = 1.414
"""Gain of the Xavier-uniform start of both parameters, head by head (code; the paper is silent)."""


def neighbourhood(labels: Tensor, infrared: Tensor, images: int) -> Tensor:
    """The graph (B, B), bool: row i marks the ``images`` images of its identity that node i attends to (Eq. 6).

    Half of them have the node's own modality, beginning with the node itself; half have the other. They are the next
    ones in the batch, where the first follows the last. With all images of an identity the graph is A^g > 0.
    """
    same_identity = labels[:, None] == labels[None, :]
    same_modality = infrared[:, None] == infrared[None, :]
    beside = same_identity & same_modality
    position = beside.tril(-1).sum(1)
    steps = (position[None, :] - position[:, None]) % beside.sum(1)[None, :]
    wanted = torch.where(same_modality, (images + 1) // 2, images // 2)
    return same_identity & (steps < wanted)


class GraphAttentionLayer(nn.Module):
    """One layer of ``heads`` graph attentions (Velickovic et al., ICLR 2018): (B, inputs) to (B, heads * outputs)."""

    def __init__(self, inputs: int, outputs: int, heads: int) -> None:
        super().__init__()
        self.transform = nn.Parameter(torch.empty(heads, inputs, outputs))
        self.attention = nn.Parameter(torch.empty(heads, 2 * outputs, 1))
        with torch.no_grad():
            for head in range(heads):
                nn.init.xavier_uniform_(self.transform[head], gain=XAVIER_GAIN)
                nn.init.xavier_uniform_(self.attention[head], gain=XAVIER_GAIN)

    def forward(self, nodes: Tensor, graph: Tensor) -> Tensor:
        """Eq. 8: attended nodes after ELU, heads concatenated. ``nodes`` (B, inputs), ``graph`` (B, B) bool."""
        transformed = nodes @ self.transform
        shares = F.dropout(self.coefficients(transformed, graph), DROPOUT, self.training)
        return F.elu(shares @ transformed).transpose(0, 1).flatten(1)

    def coefficients(self, transformed: Tensor, graph: Tensor) -> Tensor:
        """alpha^g, Eq. 7: (heads, B, outputs) to (heads, B, B). Each row sums to 1 over the neighbours in ``graph``."""
        of_node, of_neighbour = self.attention.chunk(2, dim=1)
        scores = F.leaky_relu(transformed @ of_node + (transformed @ of_neighbour).transpose(1, 2), LEAK)
        return scores.masked_fill(~graph, float("-inf")).softmax(dim=2)


class GraphAttention(nn.Module):
    """L heads, and an output layer of one head that gives the logits x^g' of Eq. 9."""

    def __init__(self, channels: int, identities: int, switches: DDAGSwitches) -> None:
        super().__init__()
        width = HEAD_WIDTH[switches.variant]
        self.heads = GraphAttentionLayer(channels, width, switches.heads)
        self.output = GraphAttentionLayer(switches.heads * width, identities, heads=1)

    def forward(self, pooled: Tensor, graph: Tensor) -> Tensor:
        """Pooled features (B, C) and the graph (B, B) to logits (B, identities)."""
        attended = self.heads(F.dropout(pooled, DROPOUT, self.training), graph)
        logits: Tensor = self.output(F.dropout(attended, DROPOUT, self.training), graph)
        return logits
