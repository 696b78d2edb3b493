"""What a spec's text says, before anything is known about layers: words, numbers and where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netspec.diagnostics import Diagnostic
from netspec.source import Source, Span


@dataclass(frozen=True, slots=True)
class Number:
    """``11``, ``1e-4``, ``-7``: an ``int`` where it is written as one."""

    value: int | float
    span: Span


@dataclass(frozen=True, slots=True)
class Dims:
    """``3x224x224``, ``3x5``."""

    values: tuple[int, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Word:
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
    span: Span


Value = Number | Dims | Word | FileName | Call | Values


@dataclass(frozen=True, slots=True)
class Pair:
    """``kernel=11``."""

    key: Word
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Claim:
    """``-> 96x55x55 units=290400``: what the author says comes out."""

    values: tuple[Value, ...]
    pairs: tuple[Pair, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Section:
    """``[conv1] conv filters=96 -> 96x55x55``. A ``broken`` one could not be read beyond its name."""

    name: Word
    values: tuple[Value, ...]
    pairs: tuple[Pair, ...]
    claim: Claim | None
    span: Span
    broken: bool = False


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
