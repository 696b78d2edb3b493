"""Dropout."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from netspec.ir.ops import Dropout

from .counter_rng import WORD, RandomLayer, at_least


class DropoutLayer(RandomLayer):
    """Dropout of N,...: in training each unit is kept with probability 1 - rate.

    ``scaling="train"`` divides the kept units by 1 - rate in training; ``"test"`` multiplies all units by 1 - rate in
    evaluation. A unit is kept if its random word is at least rate 2^32, both rounded to float32.
    """

    def __init__(self, op: Dropout) -> None:
        super().__init__()
        self.rate = op.rate
        self.scaling = op.scaling
        self.least = least_kept(op.rate)

    def forward(self, x: Tensor) -> Tensor:
        scaled = self.scaling == "train"
        if not self.training:
            return x if scaled else x * (1 - self.rate)
        if self.random_state is None:
            return F.dropout(x, self.rate) if scaled else F.dropout(x, self.rate) * (1 - self.rate)
        if self.least == 0:
            return x
        mask = at_least(self.least, x, self.name, self.random_state, self.first_unit).to(x.dtype)
        return x * (mask.div_(1 - self.rate) if scaled else mask)

    def extra_repr(self) -> str:
        return f"rate={self.rate}, scaling={self.scaling!r}"


def least_kept(rate: float) -> int:
    """Return the smallest word that keeps a unit: about rate 2^32, since words are compared in float32."""
    return bisect_left(range(WORD), True, key=lambda word: bool(np.float32(word) >= np.float32(rate * WORD)))
