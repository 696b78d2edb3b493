"""What is drawn by chance as a function of where a unit stands, so that no arrangement of devices changes it.

A unit's numbers depend on the seed, the step, the layer, the sample's place in the whole batch and the unit's place in
the whole layer, and on nothing else: not on who computes them, nor on what was drawn before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import torch
from torch import Tensor, nn

WORD = 2**32

_SIGN = -(2**31)
"""The bit by which words in int32 are ordered as whole numbers without a sign are."""

Key = int | Tensor
"""A whole number from 0 to 2^32 - 1; as a tensor, of no axes."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What random choices depend on beside the layer.

    ``first_sample`` is the place of the given images' first in the whole batch of the step. Outside training the step
    is ``tested``'s, and the place that among all images that are tested.
    """

    seed: int
    step: int
    first_sample: int = 0

    def keys(self, name: str) -> Sequence[tuple[Key, Key]]:
        """A layer's pairs of words of 32 bits, of the SHA-256 of ``seed:step:name``."""
        digest = sha256(f"{self.seed}:{self.step}:{name}".encode()).digest()
        return [(_word(digest, at), _word(digest, at + 4)) for at in range(0, len(digest), 8)]


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

    def chances(self) -> list[float]:
        """Four numbers from 0 up to 1, the same for all samples of a step."""
        if self.draw is None:
            return torch.rand(4, dtype=torch.float64).tolist()
        return [float(key) / WORD for pair in self.draw.keys(self.name)[:2] for key in pair]

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


@dataclass(frozen=True, slots=True)
class HeldDraw(Draw):
    """A draw whose keys lie on the model's device: what has been recorded there draws anew after ``renew``.

    ``table`` is of shape (layers, pairs, 2), ``rows`` says which layer is where in it.
    """

    table: Tensor = field(kw_only=True)
    rows: Mapping[str, int] = field(kw_only=True)

    @classmethod
    def of(cls, model: nn.Module, device: torch.device | None = None) -> HeldDraw:
        """A draw for all layers of a model that draw, on a device: that of its parameters, if none is said."""
        names = [module.name for module in model.modules() if isinstance(module, DrawnLayer)]
        device = device or next((p.device for p in model.parameters()), torch.device("cpu"))
        pairs = len(Draw(0, 0).keys(""))
        table = torch.zeros(len(names), pairs, 2, dtype=torch.int64, device=device)
        return cls(0, 0, table=table, rows={name: row for row, name in enumerate(names)})

    def keys(self, name: str) -> Sequence[tuple[Key, Key]]:
        return [(row, unit) for row, unit in self.table[self.rows[name]]]

    def renew(self, seed: int, step: int) -> None:
        """Take the keys of another seed and step, all in one copy."""
        if not self.rows:
            return
        new = torch.tensor([Draw(seed, step).keys(name) for name in self.rows], dtype=torch.int64)
        self.table.copy_(new.pin_memory() if self.table.is_cuda else new, non_blocking=True)


def words(x: Tensor, name: str, draw: Draw, first_unit: int = 0, pair: int = 0) -> Tensor:
    """A word of 32 bits for each unit of N,..., as int64, in the value's own shape."""
    return _words(x, name, draw, first_unit, pair).long() & (WORD - 1)


def at_least(least: int, x: Tensor, name: str, draw: Draw, first_unit: int = 0) -> Tensor:
    """Whether each unit's word, of those that ``words`` has, is ``least`` (1 to 2^32 - 1) or more."""
    return _words(x, name, draw, first_unit, 0).bitwise_xor_(_SIGN) >= least + _SIGN


def _words(x: Tensor, name: str, draw: Draw, first_unit: int, pair: int) -> Tensor:
    """The words in int32, which has half the memory to pass and the same 32 bits.

    The sample's place plus the first of a pair of the layer's keys and the unit's place plus the second are mixed,
    added and mixed again.
    """
    row_key, unit_key = draw.keys(name)[pair]
    samples = torch.arange(len(x), device=x.device) + (draw.first_sample + row_key)
    units = torch.arange(x.shape[1:].numel(), device=x.device) + (first_unit + unit_key)
    rows, columns = mixed(torch.cat([samples, units]).int()).tensor_split([len(samples)])
    return mixed(rows[:, None] + columns).view(x.shape)


def mixed(words: Tensor) -> Tensor:
    """A bijection of the words of 32 bits in which every bit of the input moves half of the output's; in their place.

    Words are the bits of int32: products and sums go round at 2^32, and what a shift to the right brings in from the
    sign is cut off. The multipliers and shifts are C. Wellons' lowbias32 (Prospecting for hash functions, 2018).
    """
    shifted = words >> 16
    words.bitwise_xor_(shifted.bitwise_and_(0xFFFF)).mul_(0x7FEB352D)
    torch.bitwise_right_shift(words, 15, out=shifted)
    words.bitwise_xor_(shifted.bitwise_and_(0x1FFFF)).mul_(0x846CA68B - WORD)
    torch.bitwise_right_shift(words, 16, out=shifted)
    return words.bitwise_xor_(shifted.bitwise_and_(0xFFFF))


def _word(digest: bytes, at: int) -> int:
    return int.from_bytes(digest[at : at + 4], "big")
