"""Read a ``.cfg`` file of Darknet as its sections with their options.

As ``read_cfg`` of src/parser.c does: blanks in a line do not count, lines that begin with ``#`` or ``;`` are comments,
and of an option that is stated twice, the first counts (``option_find`` of src/option_list.c). Behind a value there are
no comments: numbers are read up to one (``atoi``), and a word with one is another word.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from netspec.check.report import Findings
from netspec.diagnostics.nearest import did_you_mean, nearest
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.widths import MAX_FLOAT32
from netspec.source import Source, Span

_SECTION = re.compile(r"\[\s*([^\]\s]+)\s*\]\s*(?:[#;].*)?")
_OPTION = re.compile(r"([^=\s#;\[]+)\s*=(.*)")
_COMMENT = re.compile("[#;].*")
_BLANKS = re.compile(r"\s+")
_WHOLE = re.compile(r"[+-]?\d+")
_LARGEST_INT = 2**31 - 1


class Option(NamedTuple):
    """A line ``filters=64``: its value without blanks, and its place."""

    value: str
    span: Span


@dataclass(slots=True)
class Section:
    """A section: the word in its brackets, its place, its options by name, and the names and places of those that are
    stated again.

    ``number`` is that of the layer, from 0, as Darknet prints it and other layers refer to it; -1 for ``[net]``.
    """

    word: str
    span: Span
    number: int
    options: dict[str, Option] = field(default_factory=dict)
    again: list[tuple[str, Span]] = field(default_factory=list)

    def place(self, *names: str) -> Span:
        """Return the place of the first of these options that is stated, else that of the section."""
        return next((self.options[name].span for name in names if name in self.options), self.span)

    def text(self, name: str, default: str = "") -> str:
        """Return an option."""
        return self.options[name].value if name in self.options else default

    def whole(self, name: str, default: int, least: int | None = None) -> int:
        """Return an option that is a whole number. Raises ``Rejected`` for another one, or one below ``least``."""
        text = number_text(self.text(name, str(default)))
        if not _WHOLE.fullmatch(text) or len(text) > 11 or abs(int(text)) > _LARGEST_INT:
            raise Rejected(f"{name} must be a whole number, and is {text!r}", self.place(name))
        if least is not None and int(text) < least:
            raise Rejected(f"{name} must be at least {least}, and is {text}", self.place(name))
        return int(text)

    def wholes(self, name: str) -> list[int]:
        """Return an option with whole numbers and commas between them. Raises ``Rejected`` if it is none or missing."""
        items = [number_text(item) for item in self.text(name).split(",")]
        if not all(_WHOLE.fullmatch(item) and len(item) <= 10 for item in items):
            raise Rejected(f"{name} must be whole numbers, and is {self.text(name)!r}", self.place(name))
        return [int(item) for item in items]

    def real(self, name: str, default: float, low: float = -math.inf, below: float = math.inf) -> float:
        """Return an option that is a number. Raises ``Rejected`` if it is none, below ``low``, or not ``below``."""
        value = self._number(name, self.text(name, str(default)))
        if not low <= value < below:
            bounds = f"at least {low:g}" if below == math.inf else f"from {low:g} to below {below:g}"
            raise Rejected(f"{name} must be {bounds}, and is {value:g}", self.place(name))
        return value

    def reals(self, name: str) -> list[float]:
        """Return an option with numbers and commas between them. Raises ``Rejected`` if it is none or missing."""
        return [self._number(name, item) for item in self.text(name).split(",")]

    def _number(self, name: str, text: str) -> float:
        value = number_of(text)
        if value is None:
            raise Rejected(f"{name} must be a number, and is {text!r}", self.place(name))
        return value

    def need(self, name: str, default: str, reason: str) -> None:
        """Raise ``Inexpressible`` if an option is stated and is not its default."""
        text = number_text(self.text(name, default))
        if text != default and (number_of(text) is None or number_of(text) != number_of(default)):
            raise Inexpressible(reason, self.place(name))


def number_text(value: str) -> str:
    """Return the text of a value that is a number: what stands before a comment."""
    return _COMMENT.sub("", value)


def number_of(value: str) -> float | None:
    """Return the finite float32 number that a value is, ``None`` if it is none."""
    text = number_text(value)
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) <= MAX_FLOAT32 and "_" not in text else None


def unknown_word(name: str, word: str, known: Sequence[str], taken: str, span: Span) -> Rejected:
    """Return the mistake of an option whose word Darknet does not know and takes another one for."""
    hint = did_you_mean(nearest(number_text(word), known))
    note = "Darknet knows no comments behind a value: write it on a line of its own"
    notes = (note,) * bool(_COMMENT.search(word))
    return Rejected(f"Darknet has no {name} {word!r}, and takes {taken}{hint}", span, *notes)


def read_sections(source: Source, findings: Findings) -> Sequence[Section]:
    """Return the sections of a file. ``findings`` gets its mistakes."""
    sections: list[Section] = []
    for number, start in enumerate(source.line_starts, 1):
        line = source.line(number)
        text = line.strip()
        span = Span(source, start + line.find(text), start + line.find(text) + len(text))
        if not text or text[0] in "#;":
            continue
        if head := _SECTION.fullmatch(text):
            sections.append(Section(head[1], span, len(sections) - 1))
        elif (option := _OPTION.fullmatch(text)) is None:
            message = "this line is neither a section, [convolutional], nor an option, filters=64"
            findings.add("darknet-network", message, span)
        elif not sections:
            findings.add("darknet-network", "this option stands before the first section", span)
        elif option[1] in sections[-1].options:
            sections[-1].again.append((option[1], span))
        else:
            sections[-1].options[option[1]] = Option(_BLANKS.sub("", option[2]), span)
    return sections
