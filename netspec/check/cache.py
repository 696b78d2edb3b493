"""A cache of what a check works out for each layer, for layers that say the same and for later checks of similar files.

Every entry depends only on its key and on the settings, so a check finds the same with a cache as without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from netspec.check.lower import Lowered
from netspec.check.statements import Settings
from netspec.ir.graph import Placement
from netspec.ir.shape import Shape
from netspec.keys.counts import Count
from netspec.lowering import Grouping, LayerType

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, eq=False)
class LayerStatement:
    """What a layer's statement says on its own, except for the names of its inputs.

    ``type`` is ``None`` if the layer has no known type. ``values`` are the values of all keys including defaults, or
    ``None`` if a required one is not known. ``shape`` and ``counts`` are the layer's claim.
    """

    type: LayerType | None
    values: Mapping[str, Any] | None
    shape: Shape | None
    counts: Mapping[str, Count]


class LoweringKey(NamedTuple):
    """Everything that a layer's operations depend on, except for names: its statement and the values that it reads.

    Each input is given by its shape, its placement, and the index of the first input that is the same value, since a
    layer may read a value twice.
    """

    statement: LayerStatement
    grouping: Grouping
    reads: tuple[tuple[Shape, Placement, int], ...]


class Table(Generic[Key, Value]):
    """Values by key. Entries of the ``previous`` check's table are taken over only when they are asked for."""

    def __init__(self, previous: Table[Key, Value] | None) -> None:
        self._entries: dict[Key, Value] = {}
        self._previous: Mapping[Key, Value] = previous._entries if previous else {}

    def find(self, key: Key) -> Value | None:
        """Return the cached value of ``key``, if there is one."""
        entry = self._entries.get(key)
        if entry is None and (earlier := self._previous.get(key)) is not None:
            entry = self.keep(key, earlier)
        return entry

    def keep(self, key: Key, value: Value) -> Value:
        """Store a value and return it."""
        self._entries[key] = value
        return value


class LayerCache:
    """The cache of one check, which starts from that of an ``earlier`` one if the settings are the same.

    ``statements`` are those without mistakes, by their words and their number of inputs. ``by_key`` has one lowered
    layer for each ``LoweringKey``, and ``by_name`` each layer with its own name and those of its inputs.
    """

    def __init__(self, settings: Settings, input_shape: Shape | None, earlier: LayerCache | None = None) -> None:
        self._settings = settings.net, settings.defaults, settings.groups, settings.train, input_shape
        previous = earlier if earlier is not None and earlier._settings == self._settings else None
        self.statements: Table[tuple[tuple[str, ...], int], LayerStatement] = Table(
            previous.statements if previous else None
        )
        self.by_key: Table[LoweringKey, Lowered] = Table(previous.by_key if previous else None)
        self.by_name: Table[tuple[LoweringKey, str, tuple[str, ...]], Lowered] = Table(
            previous.by_name if previous else None
        )
