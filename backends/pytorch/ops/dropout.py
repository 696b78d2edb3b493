"""Dropout."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from netspec.ir.ops import Dropout
from netspec.ir.shape import Shape

from .counter_rng import WORD, RandomLayer, at_least


class DropoutLayer(RandomLayer):
    """Dropout of N,...: in training each unit, channel or image is kept with probability 1 - rate.

    ``scaling="train"`` divides the kept units by 1 - rate in training; ``"test"`` multiplies all units by 1 - rate in
    evaluation. A unit is kept if its random word is at least rate 2^32, both rounded to float32. Channels and images
    are chosen by the words of ``choices``, the shape of one image's choices, which is ``None`` for units.
    """

    op: Dropout

    def __init__(self, op: Dropout, shape: Shape) -> None:
        super().__init__(op)
        self.choices = None if op.over == "units" else tuple(op.choices(shape))
        self.least = least_kept(op.rate)

    def take_share(self, index: int, units: int) -> None:
        if self.choices is not None:
            units = self.choices[0] if self.op.over == "channels" else 0  # all shares of an image have the same choice
        super().take_share(index, units)

    def forward(self, x: Tensor) -> Tensor:
        rate, scaled = self.op.rate, self.op.scaling == "train"
        if not self.training:
            return x if scaled else x * (1 - rate)
        chosen = x if self.choices is None else x.new_ones((x.shape[0], *self.choices))
        if self.random_state is None:
            kept = F.dropout(chosen, rate) if self.choices is None else x * F.dropout(chosen, rate)
            return kept if scaled else kept * (1 - rate)
        if self.least == 0:
            return x
        mask = at_least(self.least, chosen, self.name, self.random_state, self.first_unit).to(x.dtype)
        return x * (mask.div_(1 - rate) if scaled else mask)


def least_kept(rate: float) -> int:
    """Return the smallest word that keeps a unit: about rate 2^32, since words are compared in float32."""
    return bisect_left(range(WORD), True, key=lambda word: bool(np.float32(word) >= np.float32(rate * WORD)))
