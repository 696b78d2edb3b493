"""Who reads which images of a batch, where several processes train on it together, and what they tell each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from netspec.train.chance import Places

Failures = Mapping[int, tuple[str, str]]
"""Pictures that cannot be read: their places in the split, with their paths and the reasons."""


class Sharing(Protocol):
    """One process's view of a pass that all take together, batch by batch. What is agreed on is asked of all of them
    in the same order."""

    def part(self, count: int) -> Places:
        """Which images of a batch of ``count`` this process reads: their numbers in the batch, in order."""
        ...

    def agreed(self, failures: Failures) -> Failures:
        """The pictures that any of the processes has found unreadable. ``failures`` are this one's."""
        ...

    def all(self, value: bool) -> bool:
        """Whether ``value`` is true in every process."""
        ...


class Unshared:
    """One process that reads everything."""

    def part(self, count: int) -> Places:
        """See ``Sharing``."""
        return np.arange(count)

    def agreed(self, failures: Failures) -> Failures:
        """See ``Sharing``."""
        return failures

    def all(self, value: bool) -> bool:
        """See ``Sharing``."""
        return value


UNSHARED = Unshared()
