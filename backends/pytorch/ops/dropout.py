"""Dropout."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from netspec.ir.ops import Dropout

from .chance import WORD, DrawnLayer, at_least


class DropoutLayer(DrawnLayer):
    """In training a unit is kept with probability 1 - rate; N,... to N,....

    ``scaling="train"`` divides what is kept by 1 - rate in training; ``"test"`` multiplies everything by 1 - rate
    outside it. A unit is kept where its word is at least rate 2^32, both in float32.
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
        if self.draw is None:
            return F.dropout(x, self.rate) if scaled else F.dropout(x, self.rate) * (1 - self.rate)
        if self.least == 0:
            return x
        mask = at_least(self.least, x, self.name, self.draw, self.first_unit).to(x.dtype)
        return x * (mask.div_(1 - self.rate) if scaled else mask)

    def extra_repr(self) -> str:
        return f"rate={self.rate}, scaling={self.scaling!r}"


def least_kept(rate: float) -> int:
    """The smallest word that is kept: a little less than rate 2^32, since words are rounded to float32 first."""
    return bisect_left(range(WORD), True, key=lambda word: bool(np.float32(word) >= np.float32(rate * WORD)))
