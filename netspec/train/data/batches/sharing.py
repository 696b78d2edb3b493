"""How several processes that train together divide the reading of a batch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from netspec.train.counter_rng import Indices

Failures = Mapping[int, tuple[str, str]]
"""Unreadable images: a (path, reason) pair for each index in the split."""


class Sharing:
    """One process's view of a pass that is shared with others. This base class is for a single process.

    With several processes, all must make the same calls in the same order.
    """

    def rows(self, count: int) -> Indices:
        """Return the rows of a batch of ``count`` images that this process reads, in ascending order."""
        return np.arange(count)

    def merge_failures(self, failures: Failures) -> Failures:
        """Return the images that any process has found unreadable. ``failures`` are those of this process."""
        return failures

    def whole(self, own: NDArray[np.uint8], rows: Indices, count: int) -> NDArray[np.uint8]:
        """Return the labels of all ``count`` images of a batch, given those of the ``rows`` that this process reads."""
        return own

    def all(self, value: bool) -> bool:
        """Whether ``value`` is true in every process."""
        return value


UNSHARED = Sharing()
