"""What training minimises: InfoNCE between all pairs of modalities, with every true match a positive (torch).

Two renderings match when they agree on all attributes that both show; a text shows what it mentions. In a batch
many pairs match beside the diagonal ("a red bell" fits every red bell), so the positives of a row are all of its
matches, as in supervised contrastive learning (Khosla et al., 2020, L_out), and pairs that share nothing are left out.

One classifier per attribute, shared by all towers, reads the attributes off the embeddings: prototypes that the
modalities agree on, which lets a pair learn through what each has in common with a third.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmpipe.models.tiny.world import ATTRIBUTES
from mmpipe.records import Modality

MAX_SCALE = 60.0


class Criterion(nn.Module):
    """The loss and its own parameters: the logarithm of the inverse temperature, and the prototypes."""

    def __init__(self, dimension: int, prototype_weight: float = 1.0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(2.7))
        self.prototypes = nn.ModuleDict(
            {name: nn.Linear(dimension, len(values)) for name, values in ATTRIBUTES.items()}
        )
        self.prototype_weight = prototype_weight

    def forward(self, embeddings: Mapping[Modality, Tensor], codes: Tensor, shown: Mapping[Modality, Tensor]) -> Tensor:
        """The loss of a batch: embeddings [batch, dimension]; ``codes`` and bool ``shown`` [batch, attributes]."""
        scale = self.log_scale.exp().clamp(max=MAX_SCALE)
        pairs = [
            _both_ways(scale * embeddings[a] @ embeddings[b].T, *matches(codes, shown[a], shown[b]))
            for a, b in combinations(embeddings, 2)
        ]
        read = [self._reading(embeddings[modality], codes, shown[modality]) for modality in embeddings]
        return torch.stack(pairs).mean() + self.prototype_weight * torch.stack(read).mean()

    def _reading(self, embedding: Tensor, codes: Tensor, shown: Tensor) -> Tensor:
        losses = [
            functional.cross_entropy(12 * head(embedding), codes[:, at], reduction="none") * shown[:, at]
            for at, head in enumerate(self.prototypes.values())
        ]
        return torch.stack(losses).sum() / shown.sum().clamp(min=1)


def matches(codes: Tensor, shown_a: Tensor, shown_b: Tensor) -> tuple[Tensor, Tensor]:
    """Which pairs match, and which can be compared at all: two bool [batch, batch]."""
    both = shown_a[:, None] & shown_b[None, :]
    equal = codes[:, None] == codes[None, :]
    comparable = both.any(dim=2)
    return (equal | ~both).all(dim=2) & comparable, comparable


def _both_ways(logits: Tensor, positive: Tensor, comparable: Tensor) -> Tensor:
    return (_info_nce(logits, positive, comparable) + _info_nce(logits.T, positive.T, comparable.T)) / 2


def _info_nce(logits: Tensor, positive: Tensor, comparable: Tensor) -> Tensor:
    """Mean over rows, then over each row's positives, of -log softmax; rows without a positive don't count."""
    log_likelihood = torch.log_softmax(logits.masked_fill(~comparable, -1e4), dim=1)
    counts = positive.sum(dim=1)
    rows = -(log_likelihood * positive).sum(dim=1) / counts.clamp(min=1)
    return rows.sum() / (counts > 0).sum().clamp(min=1)
