"""Diagnostics for what the files cannot express, located in the spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netspec.diagnostics import Diagnostic
from netspec.diagnostics.model import first_line_span
from netspec.language.parser import parse
from netspec.language.syntax import Section
from netspec.source import Source, Span


class Inexpressible(Exception):
    """Raised to give up a layer after its problem has been reported."""


class Problems:
    """Collects diagnostics, each message once per layer."""

    def __init__(self, source: Source) -> None:
        file = parse(source)
        self.source = source
        self.sections: dict[str, Section] = {section.name.text: section for section in file.sections}
        self.statements = {setting.word.text: setting for setting in file.settings}
        self.diagnostics: dict[tuple[str, str], Diagnostic] = {}

    @property
    def all(self) -> tuple[Diagnostic, ...]:
        return tuple(self.diagnostics.values())

    @property
    def has_errors(self) -> bool:
        return any(d.severity == "error" for d in self.all)

    def add_error(
        self, layer: str, message: str, *keys: str, notes: Iterable[str] = (), instead: Sequence[str] = ()
    ) -> Inexpressible:
        """Add an error located at the first of ``keys`` that the layer has, and return an exception for the caller.

        Callers raise it unless they can continue to look for further problems. ``instead`` lists alternatives to
        suggest.
        """
        all_notes = (*notes, f"alternatives: {', or '.join(instead)}") if instead else tuple(notes)
        span = self._span(layer, keys)
        diagnostic = Diagnostic("not-in-cfg", f"{layer}: {message}", (span,), all_notes, layer=layer)
        self.diagnostics.setdefault((layer, message), diagnostic)
        return Inexpressible()

    def add_warning(self, layer: str, message: str, *keys: str, notes: Iterable[str] = ()) -> None:
        """Add a warning about something that the files leave out, at the first of ``keys`` that ``layer`` has.

        ``layer`` is the name of a layer or ``train``.
        """
        prefix = f"{layer}: " if layer in self.sections else ""
        span = self._span(layer, keys)
        diagnostic = Diagnostic(
            "left-out-of-cfg", f"{prefix}{message}", (span,), tuple(notes), severity="warning", layer=layer
        )
        self.diagnostics.setdefault((layer, message), diagnostic)

    def _span(self, layer: str, keys: Iterable[str]) -> Span:
        """Return the span of the first of ``keys`` of a layer or of the ``train`` line, or that of its head."""
        statement = self.sections.get(layer) or self.statements.get(layer)
        if statement is None:
            return first_line_span(self.source)
        pairs = {pair.key.text: pair.span for pair in statement.pairs}
        head = statement.values[0].span if isinstance(statement, Section) and statement.values else statement.span
        return next((pairs[key] for key in keys if key in pairs), head)
