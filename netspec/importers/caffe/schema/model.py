"""Types of messages and fields, and the notation in which they are written down.

``notation`` is one message after the other: its name alone on a line, and below it its indented fields, each a name, a
type and a default. ``*`` at the name says that the field may be given several times. A type is ``string``, ``float``,
``bool``, ``int``, ``uint`` or ``long``, the name of a message, or the words that it consists of: ``MAX|AVE`` is MAX = 0
or AVE = 1. A default of ``-`` is the empty string.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Plain = str | int | float | bool
"""The value of a field that is not a message."""

_INTEGERS = {"int": (-(2**31), 2**31 - 1), "uint": (0, 2**32 - 1), "long": (-(2**63), 2**63 - 1)}
_EMPTY: dict[str, Plain] = {"string": "", "float": 0.0, "bool": False, **dict.fromkeys(_INTEGERS, 0)}


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field of a message: ``type`` as in the notation, with the words of an enumeration in ``words``.

    ``default`` is its value in a message that does not have it; ``None`` for a message.
    """

    name: str
    type: str
    repeated: bool
    words: tuple[str, ...]
    default: Plain | None

    @property
    def is_message(self) -> bool:
        return self.default is None

    @property
    def limits(self) -> tuple[int, int] | None:
        """The least and the greatest value of an integer."""
        return _INTEGERS.get(self.type)


@dataclass(frozen=True, slots=True)
class MessageType:
    """A message and its fields by name."""

    name: str
    fields: Mapping[str, FieldType]


def notation(text: str) -> dict[str, MessageType]:
    """Return the messages that a text in the notation above defines, by name."""
    fields: dict[str, dict[str, FieldType]] = {}
    message = ""
    for line in filter(str.strip, text.splitlines()):
        if not line[0].isspace():
            message = line.strip()
            fields[message] = {}
            continue
        name, type_, *default = line.split()
        bare = name.rstrip("*")
        words = tuple(type_.split("|")) if "|" in type_ else ()
        value = _default(type_, words, default[0] if default else "")
        fields[message][bare] = FieldType(bare, type_, name != bare, words, value)
    return {name: MessageType(name, of_name) for name, of_name in fields.items()}


def _default(type_: str, words: tuple[str, ...], text: str) -> Plain | None:
    if words:
        return text or next(word for word in words if word)
    if type_ not in _EMPTY:
        return None
    if not text:
        return _EMPTY[type_]
    if type_ == "string":
        return text.replace("-", "")
    if type_ == "bool":
        return text == "true"
    return float(text) if type_ == "float" else int(text)
