"""Messages with the values of their fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from netspec.importers.caffe.schema.messages import MESSAGES
from netspec.importers.caffe.schema.model import FieldType, MessageType, Plain
from netspec.source import Span

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a field. ``span`` is the whole field, ``pool: MAX``, in the file."""

    value: Plain | Record
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """A message. ``span`` is its place in the file, ``entries`` the fields that the file gives, in its order.

    To ask for a field that the message cannot have is a mistake of the program, a ``KeyError``.
    """

    kind: MessageType
    entries: Mapping[str, tuple[Entry, ...]]
    span: Span

    def has(self, name: str) -> bool:
        """Whether the file gives a field."""
        self._field(name)
        return name in self.entries

    def text(self, name: str) -> str:
        """Return a string or the word of an enumeration, or the default."""
        return self._plain(name, str)

    def integer(self, name: str) -> int:
        """Return an integer, or the default."""
        return self._plain(name, int)

    def real(self, name: str) -> float:
        """Return a real number, or the default."""
        return self._plain(name, float)

    def flag(self, name: str) -> bool:
        """Return a truth value, or the default."""
        return self._plain(name, bool)

    def texts(self, name: str) -> list[str]:
        """Return all strings of a field."""
        return list(self._all(name, str))

    def integers(self, name: str) -> list[int]:
        """Return all integers of a field."""
        return list(self._all(name, int))

    def reals(self, name: str) -> list[float]:
        """Return all real numbers of a field."""
        return list(self._all(name, float))

    def flags(self, name: str) -> list[bool]:
        """Return all truth values of a field."""
        return list(self._all(name, bool))

    def message(self, name: str) -> Record:
        """Return a message inside this one; if the file does not give it, one without fields at this one's place."""
        return next(iter(self.messages(name)), Record(MESSAGES[self._field(name).type], {}, self.span))

    def messages(self, name: str) -> list[Record]:
        """Return all messages of a field."""
        self._field(name)
        return [entry.value for entry in self.entries.get(name, ()) if isinstance(entry.value, Record)]

    def place(self, *names: str) -> Span:
        """Return the span of the first of these fields that the file gives, else that of the whole message."""
        for name in names:
            if self.has(name):
                return self.entries[name][0].span
        return self.span

    def places(self, name: str) -> list[Span]:
        """Return the spans of all values of a field."""
        self._field(name)
        return [entry.span for entry in self.entries.get(name, ())]

    def with_entries(self, entries: Mapping[str, tuple[Entry, ...]]) -> Record:
        """Return this message with other fields."""
        for name in entries:
            self._field(name)
        return replace(self, entries=entries)

    def _field(self, name: str) -> FieldType:
        return self.kind.fields[name]

    def _all(self, name: str, type_: type[T]) -> Iterator[T]:
        for entry in self.entries.get(name, ()):
            assert isinstance(entry.value, type_), (self.kind.name, name)
            yield entry.value
        self._field(name)

    def _plain(self, name: str, type_: type[T]) -> T:
        default = self._field(name).default
        assert isinstance(default, type_), (self.kind.name, name)
        return next(iter(self._all(name, type_)), default)
