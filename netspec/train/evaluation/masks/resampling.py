"""Maps of scores at other points than those of their units, by linear interpolation along both axes.

The scores of classes are interpolated before the best is chosen, as in FCN (Long et al. 2015, section 3.3), DeepLab
(Chen et al. 2015, section 3.1), and the tests of torchvision (``_SimpleSegmentationModel``) and mmsegmentation
(``BaseSegmentor.postprocess_result``).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec.train.data.batches.transfer import to_device


class Points(NamedTuple):
    """Points on a line of units: the unit before each, the unit after it, and which share (0 to 1) of the way from one
    to the other it is. Beyond the ends of the line, the last unit is both."""

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    share: NDArray[np.float32]

    @property
    def between(self) -> bool:
        """Whether some of the points are not at a unit."""
        return bool(self.share.any())

    def part(self, which: slice) -> Points:
        """Return some of the points."""
        return Points(self.before[which], self.after[which], self.share[which])


def points_at(places: NDArray[np.float64], units: int) -> Points:
    """Return the points at ``places``, where the first unit of a line is at 0 and the last at ``units`` - 1."""
    within = places.clip(0, units - 1)
    before = np.floor(within).astype(np.int64)
    return Points(before, np.minimum(before + 1, units - 1), (within - before).astype(np.float32))


def centres(count: int, units: int) -> Points:
    """Return the centres of ``count`` equal parts of a line of ``units``, as ``interpolate`` of PyTorch takes them
    (``align_corners=False``)."""
    return points_at((2 * np.arange(count) + 1) * units / (2 * count) - 0.5, units)


def interpolated(maps: Tensor, rows: Points, columns: Points) -> Tensor:
    """Return maps (classes, height, width) at points of their rows and columns: (classes, rows, columns)."""
    before, after, share = _on(maps, rows)
    maps = torch.lerp(maps[:, before], maps[:, after], share[:, None]) if rows.between else maps[:, before]
    before, after, share = _on(maps, columns)  # indexed, since index_select is four times slower along columns
    return torch.lerp(maps[:, :, before], maps[:, :, after], share) if columns.between else maps[:, :, before]


def _on(maps: Tensor, points: Points) -> tuple[Tensor, ...]:
    return tuple(to_device(numbers, maps.device) for numbers in points)
