"""Diagnostics as data: a code, spans in the source, notes with the arithmetic, and fixes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from netspec.source import Source, Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Edit:
    """The replacement of a span by a text. An empty span is an insertion."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A change of the file that corrects a mistake. ``effect``: what it does, in words.

    ``checks``: the fix has been applied, and the whole file has no errors then. ``spelling``: the fix corrects the
    spelling of what is clearly meant, so it can be applied without asking.
    """

    title: str
    edits: tuple[Edit, ...]
    effect: str = ""
    checks: bool = False
    spelling: bool = False

    @property
    def text(self) -> str:
        """The title with the effect, if that is known."""
        return f"{self.title}: {self.effect}" if self.effect else self.title


@dataclass(frozen=True, slots=True)
class Rejected:
    """A change that looks like a fix but is none. ``effect``: what happens instead."""

    title: str
    effect: str

    @property
    def text(self) -> str:
        """The title with the effect, marked as no fix."""
        return f"not a fix: {self.title}: {self.effect}"


@dataclass(frozen=True, slots=True)
class Label:
    """A span and a few words on its part in a mistake. A ``brief`` label is shown without its line of the file."""

    span: Span
    text: str
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake or warning.

    ``spans``: the first is the place of the mistake; others on the same line are underlined with it. ``labels``: texts
    beside spans. One may be beside the place of the mistake; the others are shown below it. ``layer``: the name of the
    layer that it is about, if any.
    """

    code: str
    message: str
    spans: tuple[Span, ...]
    notes: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    severity: Severity = "error"
    layer: str = ""
    labels: tuple[Label, ...] = ()

    @property
    def span(self) -> Span:
        return self.spans[0]

    @property
    def own_label(self) -> str:
        """The text beside the place of the mistake."""
        return next((label.text for label in self.labels if label.span == self.span), "")

    @property
    def other_labels(self) -> tuple[Label, ...]:
        """The labels of other spans."""
        return tuple(label for label in self.labels if label.span != self.span)


def apply(edits: Iterable[Edit], text: str) -> str:
    """Return the text with the edits made. They must not overlap. Insertions at the same place keep their order."""
    in_file_order = sorted(edits, key=lambda e: e.span.start)
    for edit in in_file_order[::-1]:
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return errors and warnings sorted by their place in the file."""
    return tuple(sorted(diagnostics, key=lambda d: (d.span.source.name, d.span.start, d.severity)))


def first_line_span(source: Source) -> Span:
    """Return the span for a mistake of the file as a whole: its first line."""
    return Span(source, 0, len(source.line(1)))


MAX_SHOWN = 20
"""The most diagnostics that are printed in full. The others are counted, and a command prints a line for each."""


class SpecError(Exception):
    """The spec has mistakes. ``diagnostics`` has them all, in file order."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        from netspec.diagnostics.text import render_all

        super().__init__("\n" + render_all(diagnostics, MAX_SHOWN))
        self.diagnostics = diagnostics

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython and Jupyter show in place of a traceback: the mistakes are in the spec."""
        from netspec.diagnostics.colours import coloured

        text = str(self).removeprefix("\n")
        return (text if os.environ.get("NO_COLOR") else coloured(text)).split("\n")


def source_error(code: str, source: Source, message: str, notes: Iterable[str] = ()) -> SpecError:
    """Return the error for a mistake of a file as a whole."""
    return SpecError((Diagnostic(code, message, (first_line_span(source),), tuple(notes)),))


class CannotOpen(OSError):
    """A file cannot be opened (missing, a directory, no permission). Its only argument is the whole message; ``errno``
    and ``filename`` are those of the operating system's error, where that is the reason."""

    def __str__(self) -> str:
        return str(self.args[0])


class CannotFind(CannotOpen, FileNotFoundError):
    """A file cannot be opened, as it does not exist."""


class OutsideFolder(CannotOpen):
    """A spec may not read a file because it is outside the spec's folder."""
