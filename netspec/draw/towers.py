"""GPU groups as parallel towers: where each block is drawn, and which lines cross from one tower into another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netspec.draw.blocks import Block, Read
from netspec.ir.graph import Placement
from netspec.ir.shape import Shape

MOST_TOWERS = 16
MOST_SOLIDS = 20_000
"""Boxes in a drawing. A network that would need more of them is drawn as one tower."""

MOST_LINES = 24
"""Inputs of one block that are drawn as lines; what else it reads is told in words."""

Tower: TypeAlias = int | None
"""A GPU group, or ``None`` for what spans all of them."""


@dataclass(frozen=True, slots=True)
class Link:
    """A line between two blocks' boxes. It crosses where a value leaves its group's tower."""

    source: int
    target: int
    source_tower: Tower
    target_tower: Tower
    crossing: bool
    window: tuple[int, int] | None


def drawn_towers(groups: int, blocks: Sequence[Block]) -> int:
    """How many towers are drawn: one per GPU group, or one for all where there are too many to look at."""
    return groups if groups <= MOST_TOWERS and groups * len(blocks) <= MOST_SOLIDS else 1


def towers_of(placement: Placement, towers: int) -> tuple[Tower, ...]:
    """The towers in which a value is drawn."""
    if towers == 1:
        return (None,)
    if placement.split:
        return tuple(range(towers))
    return (placement.gpu,)


def share_of(shape: Shape, groups: int) -> Shape:
    """One GPU group's share of a split value."""
    return Shape(shape.channels // groups, *shape[1:])


def links_of(block: int, read: Read, blocks: Sequence[Block], towers: int) -> list[Link]:
    """The lines for one input of a block."""
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
    return [Link(read.block, block, a, b, crossing, read.window) for a, b, crossing in pairs]


def leaves_its_group(source: Placement, target: Placement, read: Read) -> bool:
    """Whether a value, or a share of it, is read by another group than the one that has it."""
    if source.split:
        return not (target.split and read.own)
    return source.gpu is not None and read.share is None and target != source
