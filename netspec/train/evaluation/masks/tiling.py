"""How crops of a network's input size cover a whole image, so that each of its pixels gets scores from one crop.

The crops overlap, and the last ones end with the image. Where the scores of a crop do not reach its border, the image
is mirrored at its own: the overlap-tile strategy of U-Net (Ronneberger et al. 2015, figure 2). Where they do, the
network pads its maps, and the scores near the border of a crop know less of the image than others; so those count that
are at least an eighth of the crop from its border, unless it is also that of the image.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from netspec.ir.shape import Shape
from netspec.passes.score_grid import ScoreGrid
from netspec.train.data.splits import Pixels
from netspec.train.evaluation.masks.resampling import Points, interpolated, points_at

EDGE = 8
"""The part of a crop, an eighth of its length, whose scores do not count where another crop has them nearer to its
middle."""


@dataclass(frozen=True, slots=True)
class _Line:
    """Crops along one axis: each is ``size`` pixels long and has scores for ``span`` pixels from its pixel ``first``
    on. ``starts`` are the pixels of the image where these begin, and ``points`` their places among the scores of a
    crop. ``shared`` pixels at either end are those of the next crop."""

    size: int
    first: int
    span: int
    shared: int
    starts: tuple[int, ...]
    points: Points

    @property
    def margins(self) -> tuple[int, int]:
        """The pixels of a crop before and after those that get scores."""
        return self.first, self.size - self.first - self.span


def _line(length: int, size: int, count: int, apart: int, first_score: int) -> _Line:
    """Return the crops along an axis of an image of this ``length``, at least ``size``. Their ``count`` scores stand
    ``apart`` from ``first_score`` on. A pixel gets scores if it is not further than half of that from one."""
    first = max(0, first_score - apart // 2)
    span = min(size, first_score + apart * (count - 1) + apart // 2 + 1) - first
    shared = max(0, size // EDGE - min(first, size - first - span))
    starts = tuple(min(start, length - span) for start in range(0, length - 2 * shared, span - 2 * shared))
    points = points_at((np.arange(first, first + span) - first_score) / apart, count)
    return _Line(size, first, span, shared, starts, points)


@dataclass(frozen=True, slots=True)
class Tiling:
    """Crops that cover an image of ``height`` x ``width`` pixels."""

    height: int
    width: int
    rows: _Line
    columns: _Line

    @property
    def places(self) -> list[tuple[int, int]]:
        """The row and column of the image where the pixels begin that each crop has scores for, row by row."""
        return [(row, column) for row in self.rows.starts for column in self.columns.starts]

    def crops(self, image: Pixels) -> Pixels:
        """Return the crops of an image (channels, height, width): (N, channels, height, width) of the input."""
        padded = np.pad(image, ((0, 0), self.rows.margins, self.columns.margins), "reflect")
        height, width = self.rows.size, self.columns.size
        return np.stack([padded[:, row : row + height, column : column + width] for row, column in self.places])

    def join(self, scores: Iterable[Tensor]) -> Tensor:
        """Return the scores of each pixel, (classes, height, width), given those of each crop, (classes, rows,
        columns), in between which they are interpolated. A crop leaves its first pixels to the one before it, and
        writes over the last ones of that."""
        joined: Tensor | None = None
        for maps, (row, column) in zip(scores, self.places, strict=True):
            if joined is None:
                joined = maps.new_empty(len(maps), self.height, self.width)
            spread = interpolated(maps, self.rows.points, self.columns.points)
            top, left = (line.shared if start else 0 for line, start in ((self.rows, row), (self.columns, column)))
            part = joined[:, row + top : row + self.rows.span, column + left : column + self.columns.span]
            part.copy_(spread[:, top:, left:])
        assert joined is not None  # there is at least one crop
        return joined


def tiling(height: int, width: int, size: Shape, grid: ScoreGrid) -> Tiling:
    """Return the crops that cover an image of at least the input's ``size``, of which the scores are a ``grid``."""
    rows = _line(height, size.height, grid.rows, grid.down, grid.top)
    columns = _line(width, size.width, grid.columns, grid.across, grid.left)
    return Tiling(height, width, rows, columns)
