"""Dropout whose choices are functions of where a unit stands, so that no arrangement of devices changes them.

Which units are kept depends on the seed, the step, the layer, the sample's place in the whole batch and the unit's
place in the whole layer, and on nothing else: not on who computes them, nor on what was drawn before.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir.ops import Dropout

_WORD = 2**32


@dataclass(frozen=True, slots=True)
class Draw:
    """What a training step's random choices depend on beside the layer.

    ``first_sample`` is the place of the given images' first in the whole batch of the step.
    """

    seed: int
    step: int
    first_sample: int = 0


class DropoutLayer(nn.Module):
    """In training a unit is kept with probability 1 - rate; N,... to N,....

    ``scaling="train"`` divides what is kept by 1 - rate in training; ``"test"`` multiplies everything by 1 - rate
    outside it. Until ``draw`` is set (see ``draw_from``), torch's own generator decides, as in any other module.
    ``first_unit`` is the place of the value's first unit in the whole layer, where a device has only a share of it.
    """

    def __init__(self, op: Dropout) -> None:
        super().__init__()
        self.rate = op.rate
        self.scaling = op.scaling
        self.name = ""
        self.draw: Draw | None = None
        self.first_unit = 0

    def forward(self, x: Tensor) -> Tensor:
        scaled = self.scaling == "train"
        if not self.training:
            return x if scaled else x * (1 - self.rate)
        if self.draw is None:
            return F.dropout(x, self.rate) if scaled else F.dropout(x, self.rate) * (1 - self.rate)
        mask = kept(x, self.rate, self.name, self.draw, self.first_unit)
        return x * (mask / (1 - self.rate) if scaled else mask)

    def extra_repr(self) -> str:
        return f"rate={self.rate}, scaling={self.scaling!r}"


def draw_from(model: nn.Module, draw: Draw | None) -> None:
    """Let every dropout of a model decide by counters from now on; by torch's generator if ``draw`` is ``None``."""
    for module in model.modules():
        if isinstance(module, DropoutLayer):
            module.draw = draw


def kept(x: Tensor, rate: float, name: str, draw: Draw, first_unit: int = 0) -> Tensor:
    """1 for the units of N,... that are kept, 0 for the others, in the value's own shape and type.

    SHA-256 of ``seed:step:name`` gives two words of 32 bits; the sample's place plus the first and the unit's place
    plus the second are mixed, added and mixed again, and a unit is kept where the result is at least rate 2^32.
    """
    digest = sha256(f"{draw.seed}:{draw.step}:{name}".encode()).digest()
    row_key, unit_key = int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")
    samples = torch.arange(len(x), device=x.device) + (draw.first_sample + row_key)
    units = torch.arange(x[0].numel(), device=x.device) + (first_unit + unit_key)
    words = mixed(mixed(samples)[:, None] + mixed(units))
    return (words >= rate * _WORD).to(x.dtype).view(x.shape)


def mixed(words: Tensor) -> Tensor:
    """A bijection of the words of 32 bits in which every bit of the input moves half of the output's.

    Whole numbers in int64, taken modulo 2^32. The multipliers and shifts are C. Wellons' lowbias32 (Prospecting for
    hash functions, 2018); the second multiplier is written less 2^32, which keeps products within 64 bits.
    """
    words = words & (_WORD - 1)
    words = ((words ^ (words >> 16)) * 0x7FEB352D) & (_WORD - 1)
    words = ((words ^ (words >> 15)) * (0x846CA68B - _WORD)) & (_WORD - 1)
    return words ^ (words >> 16)
