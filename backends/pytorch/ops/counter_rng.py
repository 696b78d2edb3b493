"""Counter-based random numbers, so that results do not depend on how work is divided over devices.

The random number of a unit is a hash of the seed, the step, the layer, the index of the sample in the whole batch and
the index of the unit in the whole layer. It depends on nothing else, such as the device or earlier draws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import torch
from torch import Tensor, nn

from netspec.ir.ops import Op

from .emission import OperationModule

WORD = 2**32

_SIGN_BIT = -(2**31)
"""Flipping this bit makes int32 compare as uint32 would."""

Key = int | Tensor
"""An integer from 0 to 2^32 - 1, possibly as a scalar tensor."""


@dataclass(frozen=True, slots=True)
class RandomState:
    """The state that random draws depend on, besides the layer.

    ``first_sample`` is the index of the first given image in the whole batch of the step. In evaluation the step is
    that of ``evaluation_random_state``, and the index counts all evaluated images.
    """

    seed: int
    step: int
    first_sample: int = 0

    def keys(self, name: str) -> Sequence[tuple[Key, Key]]:
        """Return a layer's keys: the SHA-256 of ``seed:step:name`` as pairs of 32-bit words."""
        digest = sha256(f"{self.seed}:{self.step}:{name}".encode()).digest()
        return [(_word(digest, at), _word(digest, at + 4)) for at in range(0, len(digest), 8)]


def evaluation_random_state(seed: int, first_sample: int = 0, view: int = 0) -> RandomState:
    """Return the state of random draws in evaluation, where each view of an image may have its own number.

    The step is negative, unlike any step of training.
    """
    return RandomState(seed, -1 - view, first_sample)


class RandomLayer(OperationModule):
    """A layer that draws random numbers: from ``random_state`` if it is set, else from torch's generator.

    ``name`` is the name of the operation in the graph. ``first_unit`` is the index of the value's first unit in the
    whole layer, of which a device may have only a share (see ``take_share``).
    """

    def __init__(self, op: Op) -> None:
        super().__init__(op)
        self.name = ""
        self.random_state: RandomState | None = None
        self.first_unit = 0

    def take_share(self, index: int, units: int) -> None:
        """Draw what one of several equal shares of the layer draws, each of which has this many units."""
        self.first_unit = index * units

    def uniforms(self) -> list[float]:
        """Return four random numbers in [0, 1), the same for all samples of a step."""
        if self.random_state is None:
            return torch.rand(4, dtype=torch.float64).tolist()
        return [float(key) / WORD for pair in self.random_state.keys(self.name)[:2] for key in pair]

    def normals(self, x: Tensor) -> Tensor:
        """Return a standard normal number for each unit of N,..., in the shape and type of x.

        Computed in float64 from two words per unit by Box and Muller (A note on the generation of random normal
        deviates, 1958).
        """
        if self.random_state is None:
            return torch.randn_like(x)
        place = x, self.name, self.random_state, self.first_unit
        radius = ((random_words(*place, pair=0).double() + 0.5) / WORD).log().mul(-2).sqrt()
        angle = random_words(*place, pair=1).double() * (2 * math.pi / WORD)
        return (radius * angle.cos()).to(x.dtype)


def set_random_state(model: nn.Module, random_state: RandomState | None) -> None:
    """Make all layers of a model draw from ``random_state``, or from torch's generator if it is ``None``."""
    for module in model.modules():
        if isinstance(module, RandomLayer):
            module.random_state = random_state


@dataclass(frozen=True, slots=True)
class DeviceRandomState(RandomState):
    """A random state whose keys are on the device, so that recorded steps (CUDA graphs) draw anew after ``renew``.

    ``table`` holds the keys, (layers, pairs, 2); ``rows`` maps layer names to rows.
    """

    table: Tensor = field(kw_only=True)
    rows: Mapping[str, int] = field(kw_only=True)

    @classmethod
    def for_model(cls, model: nn.Module, device: torch.device | None = None) -> DeviceRandomState:
        """Return one for all random layers of a model, on ``device`` or else the device of its parameters."""
        names = [module.name for module in model.modules() if isinstance(module, RandomLayer)]
        device = device or next((p.device for p in model.parameters()), torch.device("cpu"))
        pairs = len(RandomState(0, 0).keys(""))
        table = torch.zeros(len(names), pairs, 2, dtype=torch.int64, device=device)
        return cls(0, 0, table=table, rows={name: row for row, name in enumerate(names)})

    def keys(self, name: str) -> Sequence[tuple[Key, Key]]:
        return [(row, unit) for row, unit in self.table[self.rows[name]]]

    def renew(self, seed: int, step: int) -> None:
        """Replace all keys by those of another seed and step, in one copy to the device."""
        if not self.rows:
            return
        new = torch.tensor([RandomState(seed, step).keys(name) for name in self.rows], dtype=torch.int64)
        self.table.copy_(new.pin_memory() if self.table.is_cuda else new, non_blocking=True)


def random_words(x: Tensor, name: str, random_state: RandomState, first_unit: int, pair: int) -> Tensor:
    """Return a random 32-bit word for each unit of N,..., as int64 in the shape of x."""
    return _random_words(x, name, random_state, first_unit, pair).long() & (WORD - 1)


def at_least(least: int, x: Tensor, name: str, random_state: RandomState, first_unit: int) -> Tensor:
    """Return whether each unit's word (see ``random_words``) is at least ``least``, which is from 1 to 2^32 - 1."""
    return _random_words(x, name, random_state, first_unit, 0).bitwise_xor_(_SIGN_BIT) >= least + _SIGN_BIT


def _random_words(x: Tensor, name: str, random_state: RandomState, first_unit: int, pair: int) -> Tensor:
    """Return the words as int32, which have the same 32 bits and need half the memory.

    The index of the sample plus the first key of the pair, and the index of the unit plus the second, are each hashed;
    their sum is hashed again.
    """
    row_key, unit_key = random_state.keys(name)[pair]
    samples = torch.arange(len(x), device=x.device) + (random_state.first_sample + row_key)
    units = torch.arange(x.shape[1:].numel(), device=x.device) + (first_unit + unit_key)
    rows, columns = hash_words(torch.cat([samples, units]).int()).tensor_split([len(samples)])
    return hash_words(rows[:, None] + columns).view(x.shape)


def hash_words(random_words: Tensor) -> Tensor:
    """Hash 32-bit words in place by a bijection in which each bit of the input flips each output bit half of the time.

    Words are stored as int32: products and sums wrap around at 2^32, and the sign bits that right shifts bring in are
    masked. The multipliers and shifts are those of C. Wellons' lowbias32 (Prospecting for hash functions, 2018).
    """
    shifted = random_words >> 16
    random_words.bitwise_xor_(shifted.bitwise_and_(0xFFFF)).mul_(0x7FEB352D)
    torch.bitwise_right_shift(random_words, 15, out=shifted)
    random_words.bitwise_xor_(shifted.bitwise_and_(0x1FFFF)).mul_(0x846CA68B - WORD)
    torch.bitwise_right_shift(random_words, 16, out=shifted)
    return random_words.bitwise_xor_(shifted.bitwise_and_(0xFFFF))


def _word(digest: bytes, at: int) -> int:
    return int.from_bytes(digest[at : at + 4], "big")
