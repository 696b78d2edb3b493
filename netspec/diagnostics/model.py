"""A problem is data: a code, places in the source, the arithmetic, and what would mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from netspec.source import Source, Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace a span by a text; an empty span is an insertion."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A change of the file. ``checks``: with it, the whole file checks. ``effect`` says what it does.

    ``spelling``: it writes the known word that is meant, so that nobody needs to choose.
    """

    title: str
    edits: tuple[Edit, ...]
    effect: str = ""
    checks: bool = False
    spelling: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """A change that comes to mind and does not help, with what happens."""

    title: str
    effect: str


@dataclass(frozen=True, slots=True)
class Label:
    """A place, and a few words on its part in a mistake. A ``brief`` one is shown without its line."""

    span: Span
    text: str
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake. ``spans``: the first is the place, others on the same line are underlined with it.
    ``labels``: what is said beside places, the place itself included; the others are shown below it.
    ``layer`` is the layer that it is about, where there is one."""

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
        """What is said beside the place itself."""
        return next((label.text for label in self.labels if label.span == self.span), "")

    @property
    def other_labels(self) -> tuple[Label, ...]:
        """The labels of other places."""
        return tuple(label for label in self.labels if label.span != self.span)


def apply(edits: Iterable[Edit], text: str) -> str:
    """The text with edits made. They must not overlap; insertions at one place keep their order."""
    in_file_order = sorted(edits, key=lambda e: e.span.start)
    for edit in in_file_order[::-1]:
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Errors and warnings by their place in the file."""
    return tuple(sorted(diagnostics, key=lambda d: (d.span.source.name, d.span.start, d.severity)))


def whole(source: Source) -> Span:
    """The place of a mistake of the file as a whole: its first line."""
    return Span(source, 0, len(source.line(1)))


MOST_SHOWN = 20
"""How many diagnostics are printed; the others are counted."""


class SpecError(Exception):
    """A spec with mistakes. ``diagnostics`` holds them all, in file order."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        from netspec.diagnostics.text import render_all

        super().__init__("\n" + render_all(diagnostics, MOST_SHOWN))
        self.diagnostics = diagnostics


class CannotOpen(Exception):
    """A file that cannot be opened at all (missing, a directory, no permission)."""


class OutsideFolder(CannotOpen):
    """A file that a spec may not read, because it is not in the spec's own folder."""
