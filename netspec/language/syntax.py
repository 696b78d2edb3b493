"""What a spec's text says, before anything is known about layers: words, numbers and where they stand.

What a file has most of are tuples, which are made in half the time of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from netspec.diagnostics import Diagnostic
from netspec.source import Source, Span


class Number(NamedTuple):
    """``11``, ``1e-4``, ``-7``: an ``int`` where it is written as one."""

    value: int | float
    span: Span


@dataclass(frozen=True, slots=True)
class Dims:
    """``3x224x224``, ``3x5``."""

    values: tuple[int, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Maps:
    """``0+1+2``: two or more channels by their numbers."""

    values: tuple[int, ...]
    span: Span


class Word(NamedTuple):
    """A name: ``relu``, ``conv1``, ``all``."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class FileName:
    """``alexnet.net``."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """``gaussian(0.01)``, ``sgd(lr=0.01, momentum=0.9)``."""

    name: Word
    args: tuple[Value, ...]
    named: tuple[Pair, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Values:
    """``1,2,1,2``: two or more values with commas between them."""

    items: tuple[Value, ...]

    @property
    def span(self) -> Span:
        return self.items[0].span.to(self.items[-1].span)


Value = Number | Dims | Maps | Word | FileName | Call | Values


class Pair(NamedTuple):
    """``kernel=11``."""

    key: Word
    value: Value

    @property
    def span(self) -> Span:
        return self.key.span.to(self.value.span)


@dataclass(frozen=True, slots=True)
class Claim:
    """``-> 96x55x55 units=290400``: what the author says comes out."""

    values: tuple[Value, ...]
    pairs: tuple[Pair, ...]

    @property
    def span(self) -> Span:
        spans = sorted((x.span for x in (*self.values, *self.pairs)), key=lambda s: s.start)
        return spans[0].to(spans[-1])


@dataclass(frozen=True, eq=False)
class Body:
    """What stands behind a layer's name.

    ``said`` are its words in order, without spaces, comments and the names of the layers that it reads: what follows
    from them, but for its place, holds for all bodies that have the same. It is empty where they are not known.
    """

    values: tuple[Value, ...]
    pairs: tuple[Pair, ...]
    claim: Claim | None
    said: tuple[str, ...] = ()

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys that are given."""
        return frozenset(pair.key.text for pair in self.pairs)

    @cached_property
    def end(self) -> int | None:
        """Where it ends; ``None`` where nothing stands there."""
        last = self.claim or (self.pairs or self.values or (None,))[-1]
        return last.span.end if last else None

    @cached_property
    def without_claim(self) -> Body:
        before = self.said[: self.said.index("->")] if "->" in self.said else ()
        return Body(self.values, self.pairs, None, before) if self.claim else self

    def moved(self, source: Source, offset: int) -> Body:
        """The same where it stands in a source."""
        move = _Move(source, offset)
        claim = self.claim and Claim(move.values(self.claim.values), move.pairs(self.claim.pairs))
        return Body(move.values(self.values), move.pairs(self.pairs), claim)


@dataclass(frozen=True)
class Section:
    """``[conv1] conv filters=96 -> 96x55x55``. A ``broken`` one could not be read beyond its name.

    Layers that say the same share one ``body``, which is put in its place, ``offset``, when somebody asks where its
    words stand. Without an offset the body is this layer's alone, and in its place already.
    """

    name: Word
    body: Body
    span: Span
    offset: int | None = None
    broken: bool = False

    @cached_property
    def here(self) -> Body:
        """The body in its place."""
        return self.body if self.offset is None else self.body.moved(self.span.source, self.offset)

    @property
    def values(self) -> tuple[Value, ...]:
        return self.here.values

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return self.here.pairs

    @property
    def claim(self) -> Claim | None:
        return self.here.claim

    def without_claim(self) -> Section:
        """The same layer, of which nothing is stated."""
        return replace(self, body=self.body.without_claim)

    def with_pairs(self, pairs: Iterable[Pair], claim: Claim | None) -> Section:
        """The same layer with other keys and another claim, each in its place."""
        return replace(self, body=Body(self.values, tuple(pairs), claim), offset=None)


@dataclass(frozen=True, slots=True)
class Setting:
    """``gpus 2``, ``default conv init=gaussian(0.01)``: a statement that begins with a word."""

    word: Word
    values: tuple[Value, ...]
    pairs: tuple[Pair, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Dropped:
    """A layer that a variant does without, and the word of its ``drop`` line that says so."""

    word: Word
    section: Section


@dataclass(frozen=True, slots=True)
class File:
    """All statements of a spec in order, and the mistakes of those that could not be read.

    ``broken`` are the settings that could not be: their word and, as the span, all of their text. ``dropped`` are the
    layers, by name, that a variant left out of those that it starts from.
    """

    source: Source
    sections: tuple[Section, ...]
    settings: tuple[Setting, ...]
    diagnostics: tuple[Diagnostic, ...]
    broken: tuple[Setting, ...] = ()
    dropped: Mapping[str, Dropped] = field(default_factory=dict)


def by_key(pairs: Iterable[Pair]) -> dict[str, Pair]:
    """Pairs by their keys; of a key that is given twice, the first."""
    found: dict[str, Pair] = {}
    for pair in pairs:
        found.setdefault(pair.key.text, pair)
    return found


class _Move:
    """Puts syntax whose places are counted from its own beginning in its place in a source."""

    def __init__(self, source: Source, offset: int) -> None:
        self.source = source
        self.offset = offset

    def __call__(self, span: Span) -> Span:
        return Span(self.source, self.offset + span.start, self.offset + span.end)

    def values(self, values: Iterable[Value]) -> tuple[Value, ...]:
        return tuple(map(self.value, values))

    def pairs(self, pairs: Iterable[Pair]) -> tuple[Pair, ...]:
        return tuple(Pair(self.word(p.key), self.value(p.value)) for p in pairs)

    def word(self, word: Word) -> Word:
        return Word(word.text, self(word.span))

    def value(self, value: Value) -> Value:
        match value:
            case Word():
                return self.word(value)
            case Number():
                return Number(value.value, self(value.span))
            case Dims():
                return Dims(value.values, self(value.span))
            case Maps():
                return Maps(value.values, self(value.span))
            case FileName():
                return FileName(value.text, self(value.span))
            case Values():
                return Values(self.values(value.items))
            case Call():
                return Call(self.word(value.name), self.values(value.args), self.pairs(value.named), self(value.span))
