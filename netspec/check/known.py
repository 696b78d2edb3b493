"""What one check finds out about layers that say the same, and another one of nearly the same file need not find out
again.

All of it follows from what stands as its key, under settings that are the same: a check that knows something finds what
one that knows nothing does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from netspec.check.lower import Lowered
from netspec.check.statements import Settings
from netspec.ir.graph import Placement
from netspec.ir.shape import Shape
from netspec.language.syntax import Body
from netspec.lowering import Grouping, LayerType

Key = TypeVar("Key")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a layer's statement says by itself: ``type`` is ``None`` where there is none, ``values``, those of all keys
    with every default filled in, where one that is needed is not known. The shape and the counts are stated."""

    type: LayerType | None
    values: Mapping[str, Any] | None
    shape: Shape | None
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a layer becomes of one that says the same depends on these as well: the layers that it reads, as far as it
    sees them. ``same`` has for each of them the number of the first of this name."""

    reading: Reading
    grouping: Grouping
    reads: tuple[tuple[Shape, Placement], ...]
    same: tuple[int, ...]


class Kept(Generic[Key, Found]):
    """What has been found out of each key, by this check or by the one before."""

    def __init__(self, before: Mapping[Key, Found]) -> None:
        self.found: dict[Key, Found] = {}
        self._before = before

    def get(self, key: Key, find: Callable[[], Found]) -> Found:
        """What is known of a key, or else what is found now."""
        if key not in self.found:
            self.found[key] = self._before[key] if key in self._before else find()
        return self.found[key]


class Known:
    """``readings`` of bodies with so many inputs, ``None`` where a mistake stands in one; ``lowered`` has one layer for
    all that become the same. Of the check before, only what is asked for again is kept."""

    def __init__(self, settings: Settings, input_shape: Shape | None, earlier: Known | None = None) -> None:
        self._under = settings.net, settings.defaults, settings.groups, settings.train, input_shape
        same = earlier if earlier is not None and earlier._under == self._under else None
        self.readings: Kept[tuple[Body, int], Reading | None] = Kept(same.readings.found if same else {})
        self.lowered: Kept[Circumstances, Lowered] = Kept(same.lowered.found if same else {})
