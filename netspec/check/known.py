"""A cache of what a check works out for each layer, for layers that say the same and for later checks of similar files.

Every entry depends only on its key and on the settings, so a check finds the same with a cache as without one.
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
    """What a layer's statement says on its own, except for the names of its inputs.

    ``type`` is ``None`` if the layer has no known type. ``values`` are the values of all keys including defaults, or
    ``None`` if a required one is not known. ``shape`` and ``counts`` are the layer's claim.
    """

    type: LayerType | None
    values: Mapping[str, Any] | None
    shape: Shape | None
    counts: Mapping[str, int]


class Circumstances(NamedTuple):
    """Everything that a layer's operations depend on, except for names: its statement and the values that it reads.

    Each input is given by its shape, its placement, and the index of the first input that is the same value, since a
    layer may read a value twice.
    """

    reading: Reading
    grouping: Grouping
    reads: tuple[tuple[Shape, Placement, int], ...]


class Kept(Generic[Key, Found]):
    """A cache that takes entries over from the previous check's cache when they are asked for."""

    def __init__(self, before: Mapping[Key, Found]) -> None:
        self.found: dict[Key, Found] = {}
        self._before = before

    def get(self, key: Key, find: Callable[[], Found]) -> Found:
        """Return the cached value of ``key``, or compute it with ``find``."""
        if key in self.found:
            return self.found[key]
        found = self._before[key] if key in self._before else find()
        self.found[key] = found
        return found


class Known:
    """The cache of one check.

    ``readings`` has the statements read so far, by their words and their number of inputs, or ``None`` for a statement
    with a mistake. ``alike`` has one lowered layer for each ``Circumstances``, and ``lowered`` each layer under its own
    name and the names of its inputs. Entries of the ``earlier`` cache that this check does not use are dropped.
    """

    def __init__(self, settings: Settings, input_shape: Shape | None, earlier: Known | None = None) -> None:
        self._under = settings.net, settings.defaults, settings.groups, settings.train, input_shape
        same = earlier if earlier is not None and earlier._under == self._under else None
        self.readings: Kept[tuple[tuple[str, ...], int], Reading | None] = Kept(same.readings.found if same else {})
        self.alike: Kept[Circumstances, Lowered] = Kept(same.alike.found if same else {})
        self.lowered: Kept[tuple[Circumstances, str, tuple[str, ...]], Lowered] = Kept(
            same.lowered.found if same else {}
        )
