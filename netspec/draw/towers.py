"""Draw GPU groups as parallel towers: which towers each block is drawn in, and which lines cross between towers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netspec.draw.blocks import Block, Read
from netspec.ir.graph import Placement

MAX_TOWERS = 16
MAX_SOLIDS = 20_000
"""The most boxes in a drawing. A network that would need more is drawn as a single tower."""

MAX_LINES = 24
"""The most inputs of one block that are drawn as lines; its label names the others."""

Tower: TypeAlias = int | None
"""A GPU group, or ``None`` for a box that spans all of them."""


@dataclass(frozen=True, slots=True)
class Link:
    """A line between the boxes of two blocks. ``crossing``: it carries a value to another GPU group."""

    source: int
    source_tower: Tower
    target_tower: Tower
    crossing: bool
    window: tuple[int, int] | None


def drawn_towers(groups: int, blocks: Sequence[Block]) -> int:
    """Return how many towers to draw: one per GPU group, or a single one if that would be too many to read."""
    return groups if groups <= MAX_TOWERS and groups * len(blocks) <= MAX_SOLIDS else 1


def towers_of(placement: Placement, towers: int) -> tuple[Tower, ...]:
    """Return the towers in which a value is drawn."""
    if towers == 1:
        return (None,)
    if placement.split:
        return tuple(range(towers))
    return (placement.gpu,)


def links_of(block: int, read: Read, blocks: Sequence[Block], towers: int) -> list[Link]:
    """Return the lines for one input of a block."""
    source, target = blocks[read.block].placement, blocks[block].placement
    own = source.split and target.split and read.own
    pairs: list[tuple[Tower, Tower, bool]]
    if towers == 1:
        pairs = [(None, None, leaves_its_group(source, target, read))]
    elif own:
        pairs = [(t, t, False) for t in range(towers)]
    elif read.share is not None:
        pairs = [(read.share, read.share, False)]
    else:
        ends = towers_of(target, towers)
        pairs = [(a, b, a is not None and a != b) for a in towers_of(source, towers) for b in ends]
    return [Link(read.block, a, b, crossing, read.window) for a, b, crossing in pairs]


def leaves_its_group(source: Placement, target: Placement, read: Read) -> bool:
    """Whether the value is read by a GPU group that does not hold it, or holds only a share of it."""
    if source.split:
        return not (target.split and read.own)
    return source.gpu is not None and read.share is None and target != source
