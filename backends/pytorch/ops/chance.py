"""What is drawn by chance as a function of where a unit stands, so that no arrangement of devices changes it.

A unit's numbers depend on the seed, the step, the layer, the sample's place in the whole batch and the unit's place in
the whole layer, and on nothing else: not on who computes them, nor on what was drawn before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import sha256

import torch
from torch import Tensor, nn

WORD = 2**32


@dataclass(frozen=True, slots=True)
class Draw:
    """What random choices depend on beside the layer.

    ``first_sample`` is the place of the given images' first in the whole batch of the step. Outside training the step
    is ``tested``'s, and the place that among all images that are tested.
    """

    seed: int
    step: int
    first_sample: int = 0


def tested(seed: int, first_sample: int = 0, view: int = 0) -> Draw:
    """What they depend on outside training, where one of several views of an image may have its own number: steps
    below 0 are no training's."""
    return Draw(seed, -1 - view, first_sample)


class DrawnLayer(nn.Module):
    """A layer that draws. Until ``draw`` is set (see ``draw_from``), torch's own generator decides, as in any other
    module.

    ``name`` is the operation's in its graph, ``first_unit`` the place of the value's first unit in the whole layer,
    where a device has only a share of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.name = ""
        self.draw: Draw | None = None
        self.first_unit = 0

    def normals(self, x: Tensor) -> Tensor:
        """Standard normal numbers for the units of N,..., in the value's own shape and type.

        By Box and Muller (A note on the generation of random normal deviates, 1958) of two words for each unit, in
        float64.
        """
        if self.draw is None:
            return torch.randn_like(x)
        place = x, self.name, self.draw, self.first_unit
        radius = ((words(*place).double() + 0.5) / WORD).log().mul(-2).sqrt()
        angle = words(*place, pair=1).double() * (2 * math.pi / WORD)
        return (radius * angle.cos()).to(x.dtype)


def draw_from(model: nn.Module, draw: Draw | None) -> None:
    """Let every layer of a model that draws do it by counters from now on; by torch's generator if ``draw`` is
    ``None``."""
    for module in model.modules():
        if isinstance(module, DrawnLayer):
            module.draw = draw


def words(x: Tensor, name: str, draw: Draw, first_unit: int = 0, pair: int = 0) -> Tensor:
    """A word of 32 bits for each unit of N,..., as int64, in the value's own shape.

    SHA-256 of ``seed:step:name`` gives pairs of words of 32 bits; the sample's place plus the first of the pair and the
    unit's place plus the second are mixed, added and mixed again.
    """
    digest = sha256(f"{draw.seed}:{draw.step}:{name}".encode()).digest()[8 * pair :]
    row_key, unit_key = int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")
    samples = torch.arange(len(x), device=x.device) + (draw.first_sample + row_key)
    units = torch.arange(x[0].numel(), device=x.device) + (first_unit + unit_key)
    return mixed(mixed(samples)[:, None] + mixed(units)).view(x.shape)


def mixed(words: Tensor) -> Tensor:
    """A bijection of the words of 32 bits in which every bit of the input moves half of the output's.

    Whole numbers in int64, taken modulo 2^32. The multipliers and shifts are C. Wellons' lowbias32 (Prospecting for
    hash functions, 2018); the second multiplier is written less 2^32, which keeps products within 64 bits.
    """
    words = words & (WORD - 1)
    words = ((words ^ (words >> 16)) * 0x7FEB352D) & (WORD - 1)
    words = ((words ^ (words >> 15)) * (0x846CA68B - WORD)) & (WORD - 1)
    return words ^ (words >> 16)
