"""The syntax of a spec: words, numbers and their spans, before layer types and keys are known.

The most frequent nodes are named tuples, because creating one takes half the time of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
class Rounded:
    """``61.0M``: a count of which only the first digits are given, in thousands (K), millions (M) or billions (G)."""

    text: str
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


Value = Number | Rounded | Dims | Maps | Word | FileName | Call | Values


class Pair(NamedTuple):
    """``kernel=11``."""

    key: Word
    value: Value

    @property
    def span(self) -> Span:
        return self.key.span.to(self.value.span)


@dataclass(frozen=True, slots=True)
class Claim:
    """``-> 96x55x55 units=290400``: what the author says of a layer's output, or of the whole network."""

    values: tuple[Value, ...]
    pairs: tuple[Pair, ...]

    @property
    def span(self) -> Span:
        spans = sorted((x.span for x in (*self.values, *self.pairs)), key=lambda s: s.start)
        return spans[0].to(spans[-1])


class Items(NamedTuple):
    """What follows a layer's name: values, pairs and claim."""

    values: tuple[Value, ...] = ()
    pairs: tuple[Pair, ...] = ()
    claim: Claim | None = None


@dataclass(frozen=True, eq=False)
class Body:
    """A layer without its name, which layers with the same text share.

    ``build`` makes its items, with the places that they have if the body begins at this offset of the source. Two
    layers with equal ``words`` differ only in their place and in the names of their inputs, which are left out there,
    so results can be cached by them. A body that is not parsed as a whole has none.
    """

    build: Callable[[Source, int], Items]
    type: str
    """The text of its first value if that is a single word or number, else empty."""
    keys: frozenset[str]
    """The keys of its pairs."""
    inputs: tuple[str, ...] | None
    """The names in its first ``inputs=``, ``None`` without one."""
    has_claim: bool
    words: tuple[str, ...] | None = None

    @classmethod
    def of(cls, items: Items) -> Body:
        """Return the body with these items, at their own places."""
        first, given = (items.values or (None,))[0], by_key(items.pairs)
        inputs = tuple([word.text for word in names(given["inputs"].value)]) if "inputs" in given else None
        type_ = first.text if isinstance(first, Word) else ""  # a number is no type either
        return cls(lambda _source, _offset: items, type_, frozenset(given), inputs, items.claim is not None)

    @cached_property
    def without_claim(self) -> Body:
        """The body without its claim."""
        words = self.words
        if words is not None and self.has_claim:
            words = words[: words.index("->")]

        def build(source: Source, offset: int) -> Items:
            return self.build(source, offset)._replace(claim=None)

        return replace(self, build=build, has_claim=False, words=words)


@dataclass(frozen=True)
class Section:
    """``[conv1] conv filters=96 -> 96x55x55``. If ``broken``, it has a syntax error after its name.

    ``offset`` is where the body begins, if layers with the same text share it.
    """

    name: Word
    body: Body
    span: Span
    offset: int = 0
    broken: bool = False

    @cached_property
    def _items(self) -> Items:
        return self.body.build(self.span.source, self.offset)

    @property
    def values(self) -> tuple[Value, ...]:
        return self._items.values

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return self._items.pairs

    @property
    def claim(self) -> Claim | None:
        return self._items.claim

    @property
    def name_end(self) -> int:
        """The offset behind the bracket that closes the layer's name."""
        return self.name.span.source.text.index("]", self.name.span.end) + 1

    def with_pairs(self, pairs: Iterable[Pair], claim: Claim | None) -> Section:
        """Return the layer with other keys and another claim, whose spans are real ones."""
        return replace(self, body=Body.of(Items(self.values, tuple(pairs), claim)))


@dataclass(frozen=True, slots=True)
class Setting:
    """``gpus 2``, ``default conv init=gaussian(0.01)``: a statement that begins with a word."""

    word: Word
    values: tuple[Value, ...]
    pairs: tuple[Pair, ...]
    span: Span
    claim: Claim | None = None


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
        """Return the file without the claims of its layers and of the network."""
        return replace(
            self,
            sections=tuple(replace(s, body=s.body.without_claim) for s in self.sections),
            settings=tuple(replace(s, claim=None) for s in self.settings),
        )


def by_key(pairs: Iterable[Pair]) -> dict[str, Pair]:
    """Return pairs by their keys. If a key is given twice, the first pair wins."""
    result: dict[str, Pair] = {}
    for pair in pairs:
        result.setdefault(pair.key.text, pair)
    return result


def names(value: Value) -> tuple[Word, ...]:
    """Return the words of a value that is a name or a list of names; what else is in it is left out."""
    items: tuple[Value, ...] = value.items if isinstance(value, Values) else (value,)
    return tuple([item for item in items if isinstance(item, Word)])
