"""A key of a layer type or of a setting: the only place for its doc, unit, default and range."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from netspec.formatting import format_number
from netspec.keys.kind import BadValue, Kind
from netspec.language.syntax import Value


class Required:
    """The type of ``REQUIRED``, which stands for a missing default."""

    def __repr__(self) -> str:
        return "required"


REQUIRED: Final = Required()


@dataclass(frozen=True, slots=True)
class Key:
    """The definition of a key such as ``kernel=11``.

    ``default`` is a value as ``kind.read`` returns it. ``default_text`` describes the default in words, where the value
    does not speak for itself. ``per_input``: a layer with several inputs may give one value for each.
    ``affects_shape``: the layer's shape, or whether the layer is possible at all, depends on the key; if the value of
    any other key is wrong, the layers below can still be checked. ``training_only``: the key has no effect outside
    training.
    """

    name: str
    kind: Kind
    doc: str
    default: Any = REQUIRED
    default_text: str = ""
    unit: str = ""
    per_input: bool = False
    affects_shape: bool = True
    training_only: bool = False

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def shown_default(self) -> str:
        """The default in words, ``required`` if there is none."""
        if self.default_text:
            return self.default_text
        return format_number(self.default) if isinstance(self.default, int | float) else str(self.default)

    def accepts(self, value: Value) -> bool:
        """Whether the key can have a value."""
        try:
            self.kind.read(value)
        except BadValue:
            return False
        return True


def by_name(keys: Iterable[Key]) -> dict[str, Key]:
    """Return keys by their names."""
    return {key.name: key for key in keys}
