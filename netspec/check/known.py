"""What one check finds out about layers that say the same, and another one of nearly the same file need not find out
again.

All of it follows from what stands as its key, under settings that are the same: a check that knows something finds what
one that knows nothing does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from netspec.check.lower import Lowered
from netspec.check.statements import Settings
from netspec.ir.graph import Placement
from netspec.ir.shape import Shape
from netspec.lowering import Grouping, LayerType

Key = TypeVar("Key")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a layer's statement says by itself, but for the names of those that it reads: ``type`` is ``None`` where
    there is none, ``values``, those of all keys with every default filled in, where one that is needed is not known.
    The shape and the counts are stated."""

    type: LayerType | None
    values: Mapping[str, Any] | None
    shape: Shape | None
    counts: Mapping[str, int]


class Circumstances(NamedTuple):
    """All that a layer's operations depend on, but for the names: what it says, and what the values are that it reads.

    A value may be read twice: each stands with the number of the first that is the same.
    """

    reading: Reading
    grouping: Grouping
    reads: tuple[tuple[Shape, Placement, int], ...]


class Kept(Generic[Key, Found]):
    """What has been found out of each key, by this check or by the one before."""

    def __init__(self, before: Mapping[Key, Found]) -> None:
        self.found: dict[Key, Found] = {}
        self._before = before

    def get(self, key: Key, find: Callable[[], Found]) -> Found:
        """What is known of a key, or else what is found now."""
        if key in self.found:
            return self.found[key]
        found = self._before[key] if key in self._before else find()
        self.found[key] = found
        return found


class Known:
    """``readings`` of what layers say with so many inputs, ``None`` where a mistake stands in one; ``lowered`` layers
    by their names and those that they read, and of all that are ``alike``, one. What was known before and is not asked
    for again is forgotten."""

    def __init__(self, settings: Settings, input_shape: Shape | None, earlier: Known | None = None) -> None:
        self._under = settings.net, settings.defaults, settings.groups, settings.train, input_shape
        same = earlier if earlier is not None and earlier._under == self._under else None
        self.readings: Kept[tuple[tuple[str, ...], int], Reading | None] = Kept(same.readings.found if same else {})
        self.alike: Kept[Circumstances, Lowered] = Kept(same.alike.found if same else {})
        self.lowered: Kept[tuple[Circumstances, str, tuple[str, ...]], Lowered] = Kept(
            same.lowered.found if same else {}
        )
