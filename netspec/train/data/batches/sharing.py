"""Who reads which images of a batch, where several processes train on it together, and what they tell each other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from netspec.train.chance import Places

Failures = Mapping[int, tuple[str, str]]
"""Pictures that cannot be read: their places in the split, with their paths and the reasons."""


class Sharing:
    """One process's view of a pass that all take together, batch by batch. This one is of a process that reads alone.

    Where there are several, all of them ask the same in the same order.
    """

    def part(self, count: int) -> Places:
        """Which images of a batch of ``count`` this process reads: their numbers in the batch, in order."""
        return np.arange(count)

    def agreed(self, failures: Failures) -> Failures:
        """The pictures that any of the processes has found unreadable. ``failures`` are this one's."""
        return failures

    def all(self, value: bool) -> bool:
        """Whether ``value`` is true in every process."""
        return value


UNSHARED = Sharing()
