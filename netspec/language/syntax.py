"""The syntax of a spec: words, numbers and their spans, before layer types and keys are known.

The most frequent nodes are named tuples, because creating one takes half the time of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from netspec.diagnostics import Diagnostic
from netspec.source import Source, Span


class Number(NamedTuple):
    """``11``, ``1e-4``, ``-7``. The value is an ``int`` if it is written as one."""

    value: int | float
    span: Span


@dataclass(frozen=True, slots=True)
class Dims:
    """``3x224x224``, ``3x5``."""

    values: tuple[int, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Maps:
    """``0+1+2``: two or more channel numbers."""

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
    """``-> 96x55x55 units=290400``: what the author says that the layer's output is."""

    values: tuple[Value, ...]
    pairs: tuple[Pair, ...]

    @property
    def span(self) -> Span:
        spans = sorted((x.span for x in (*self.values, *self.pairs)), key=lambda s: s.start)
        return spans[0].to(spans[-1])


@dataclass(frozen=True, eq=False)
class Body:
    """A layer without its name: values, pairs and claim.

    ``tokens`` are its words in order, without the names of the layers that it reads. Bodies with equal tokens differ
    only in their place and inputs, so results can be cached by them. Bodies that are not parsed as a whole have none.
    """

    values: tuple[Value, ...]
    pairs: tuple[Pair, ...]
    claim: Claim | None
    tokens: tuple[str, ...] = ()

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys in the pairs."""
        return frozenset(pair.key.text for pair in self.pairs)

    @cached_property
    def end(self) -> int | None:
        """The offset of its end, ``None`` if it is empty."""
        last = self.claim or (self.pairs or self.values or (None,))[-1]
        return last.span.end if last else None

    @cached_property
    def without_claim(self) -> Body:
        before = self.tokens[: self.tokens.index("->")] if "->" in self.tokens else ()
        return Body(self.values, self.pairs, None, before) if self.claim else self

    def moved(self, source: Source, offset: int) -> Body:
        """Return the same body with spans that point into ``source``, moved by ``offset``."""
        move = _Move(source, offset)
        claim = self.claim and Claim(move.values(self.claim.values), move.pairs(self.claim.pairs))
        return Body(move.values(self.values), move.pairs(self.pairs), claim)


@dataclass(frozen=True)
class Section:
    """``[conv1] conv filters=96 -> 96x55x55``. If ``broken``, it has a syntax error after its name.

    Layers with the same text share one ``body``, whose spans are relative to ``offset``; ``located_body`` has the real
    spans. If ``offset`` is ``None``, the body belongs to this layer alone and has the real spans already.
    """

    name: Word
    body: Body
    span: Span
    offset: int | None = None
    broken: bool = False

    @cached_property
    def located_body(self) -> Body:
        """The body with spans in this layer's file."""
        return self.body if self.offset is None else self.body.moved(self.span.source, self.offset)

    @property
    def values(self) -> tuple[Value, ...]:
        return self.located_body.values

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return self.located_body.pairs

    @property
    def claim(self) -> Claim | None:
        return self.located_body.claim

    @property
    def name_end(self) -> int:
        """The offset behind the bracket that closes the layer's name."""
        return self.name.span.source.text.index("]", self.name.span.end) + 1

    def with_pairs(self, pairs: Iterable[Pair], claim: Claim | None) -> Section:
        """Return the layer with other keys and another claim, whose spans are real ones."""
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
    """A layer that a variant drops, and the word in its ``drop`` line."""

    word: Word
    section: Section


@dataclass(frozen=True, slots=True)
class File:
    """All statements of a spec in order, and its syntax errors.

    ``broken`` are the settings with syntax errors: their word, and the span of all of their text. ``dropped`` are the
    layers that a variant drops from its base, by name.
    """

    source: Source
    sections: tuple[Section, ...]
    settings: tuple[Setting, ...]
    diagnostics: tuple[Diagnostic, ...]
    broken: tuple[Setting, ...] = ()
    dropped: Mapping[str, Dropped] = field(default_factory=dict)

    def without_claims(self) -> File:
        """Return the file without the claims of its layers."""
        return replace(self, sections=tuple(replace(s, body=s.body.without_claim) for s in self.sections))


def by_key(pairs: Iterable[Pair]) -> dict[str, Pair]:
    """Return pairs by their keys. If a key is given twice, the first pair wins."""
    result: dict[str, Pair] = {}
    for pair in pairs:
        result.setdefault(pair.key.text, pair)
    return result


class _Move:
    """Copies syntax with spans that point into ``source``, moved by ``offset``."""

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
