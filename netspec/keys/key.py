"""A key of a layer type or of a setting: its doc, unit, default and range stand here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from netspec.keys.kind import Kind


class Required:
    """The default of a key that has none."""

    def __repr__(self) -> str:
        return "required"


REQUIRED: Final = Required()


@dataclass(frozen=True, slots=True)
class Key:
    """``kernel=11``: the kind of its value, what it means, and what holds where it is not given.

    ``default`` is the value itself, as ``kind.read`` would give it. ``default_text`` is how a person would write it,
    where that is not obvious. ``per_input``: a layer with several inputs may give one value for each.
    ``of_shape``: the layer's shape, or whether it can be at all, depends on it; where another key is wrong, the layers
    below are checked all the same. ``of_training``: what the network computes outside training does not depend on it.
    """

    name: str
    kind: Kind
    doc: str
    default: Any = REQUIRED
    default_text: str = ""
    unit: str = ""
    per_input: bool = False
    of_shape: bool = True
    of_training: bool = False

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


def of_training(*keys: Key) -> tuple[Key, ...]:
    """The keys, of training alone."""
    return tuple(replace(key, of_training=True) for key in keys)
