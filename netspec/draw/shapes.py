"""The marks of boxes in perspective, kernel windows, and lines with arrowheads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from netspec.draw.blocks import DISCS, Block
from netspec.draw.marks import Mark, Point, Polygon, Slab, Stroke
from netspec.draw.scale import Solid
from netspec.ir.shape import Shape

_HEAD = 5.5
_THIN, _THICK = 1.2, 1.6
_MAX_WINDOW_SHARE = 0.92
"""The largest drawn part of the side that a window moves over, in each direction."""


def box(block: Block, solid: Solid, x: float, centre: float) -> list[Mark]:
    """Draw a block's box, given its left side and centre line: a volume, a bar, or the disc of a join."""
    if block.kind in DISCS:
        return _disc(block.kind, solid, x, centre)
    top = centre - solid.height / 2 + solid.back_up
    right, bottom = x + solid.front_width, top + solid.front_height
    back, lid = right + solid.back_right, top - solid.back_up
    edge = f"{block.kind}-edge"
    marks: list[Mark] = [
        Polygon(((x, top), (right, top), (right, bottom), (x, bottom)), f"{block.kind}-front", edge),
        Polygon(((x, top), (x + solid.back_right, lid), (back, lid), (right, top)), f"{block.kind}-top", edge),
        Polygon(
            ((right, top), (back, lid), (back, bottom - solid.back_up), (right, bottom)), f"{block.kind}-side", edge
        ),
    ]
    for joint in (x + offset for offset in _joints(block, solid)):
        marks.append(Stroke(((joint, bottom), (joint, top), (joint + solid.back_right, lid)), edge))
    return marks


def _joints(block: Block, solid: Solid) -> list[float]:
    """Return where the inputs of an image concatenation meet, in pixels from the left side of its front."""
    if not block.shape.is_image:
        return []
    total, before, offsets = sum(block.joined_channels), 0, []
    for channels in block.joined_channels[:-1]:
        before += channels
        offsets.append(solid.front_width * before / total)
    return offsets


def _disc(kind: str, solid: Solid, x: float, centre: float) -> list[Mark]:
    half = solid.width / 2
    middle, arm = x + half, half * 0.45
    marks: list[Mark] = [Slab(x, centre - half, solid.width, solid.height, half, "concat-front", "concat-edge")]
    if kind == "sum":
        lines = [((middle - arm, centre), (middle + arm, centre)), ((middle, centre - arm), (middle, centre + arm))]
    elif kind == "product":
        lines = [
            ((middle - arm, centre - arm), (middle + arm, centre + arm)),
            ((middle - arm, centre + arm), (middle + arm, centre - arm)),
        ]
    else:
        lines = [
            ((middle - arm, centre + arm / 2), (middle, centre - arm)),
            ((middle, centre - arm), (middle + arm, centre + arm / 2)),
        ]
    return marks + [Stroke(line, "concat-edge", _THICK) for line in lines]


def window(solid: Solid, shape: Shape, size: tuple[int, int], x: float, centre: float) -> tuple[Mark, Point, Point]:
    """Draw a kernel's window on the right side of the volume that it moves over.

    Returns the window and its upper and lower corners nearest to the reading box.
    """
    high, wide = (
        min(_MAX_WINDOW_SHARE, math.sqrt(kernel / side))
        for kernel, side in ((size[0], shape.height), (size[1], shape.width))
    )
    middle = x + solid.front_width + solid.back_right / 2
    right, up, half = solid.back_right * wide / 2, solid.back_up * wide / 2, solid.front_height * high / 2
    corners = (
        (middle - right, centre + up - half),
        (middle + right, centre - up - half),
        (middle + right, centre - up + half),
        (middle - right, centre + up + half),
    )
    return Polygon(corners, "conv-top", "ink"), corners[1], corners[2]


def line(points: Sequence[Point], *, crossing: bool, head: bool) -> list[Mark]:
    """Draw a line through points, horizontal at each of them. With ``head`` it ends in an arrowhead."""
    role = "cross" if crossing else "line"
    end = points[-1]
    path = [*points[:-1], (end[0] - _HEAD * 0.8, end[1])] if head else list(points)
    marks: list[Mark] = []
    if len({round(y, 1) for _, y in path}) == 1:
        marks.append(Stroke((path[0], path[-1]), role, _THICK if crossing else _THIN))
    else:
        curve = [path[0]]
        for (x, y), (u, v) in pairwise(path):
            bend = (x + u) / 2
            curve += [(bend, y), (bend, v), (u, v)]
        marks.append(Stroke(tuple(curve), role, _THICK if crossing else _THIN, curved=True))
    if head:
        wing = _HEAD * 0.5
        marks.append(Polygon(((end[0] - _HEAD, end[1] - wing), end, (end[0] - _HEAD, end[1] + wing)), role))
    return marks
