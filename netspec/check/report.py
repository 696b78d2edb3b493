"""Where the checker's findings are collected, and the one way in which a bad value or a fault becomes a diagnostic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.diagnostics.nearest import nearest
from netspec.ir.fault import Fault
from netspec.keys import BadValue
from netspec.language.syntax import Pair, Word
from netspec.source import Span


class Findings:
    """The diagnostics of one check, in the order in which they were found."""

    def __init__(self) -> None:
        self.all: list[Diagnostic] = []

    def add(
        self,
        code: str,
        message: str,
        *spans: Span,
        notes: Iterable[str] = (),
        fixes: tuple[Fix, ...] = (),
        layer: str = "",
    ) -> None:
        """Record an error."""
        self.all.append(Diagnostic(code, message, spans, tuple(notes), fixes, layer=layer))

    def warn(self, code: str, message: str, *spans: Span, notes: Iterable[str] = (), layer: str = "") -> None:
        """Record a warning."""
        self.all.append(Diagnostic(code, message, spans, tuple(notes), severity="warning", layer=layer))

    def bad_value(self, key: str, error: BadValue, layer: str = "") -> None:
        """Record a value that its key cannot have."""
        fixes = (replacement(error.span, error.replacement),) if error.replacement else ()
        self.add("bad-value", f"{key}: {error.message}", error.span, notes=error.notes, fixes=fixes, layer=layer)

    def unknown(
        self, code: str, what: str, word: Word, known: Iterable[str], *, notes: Iterable[str] = (), layer: str = ""
    ) -> None:
        """Record a name that is not known, with the nearest one that is."""
        near = nearest(word.text, known)
        message = f"{what} '{word.text}' is unknown" + (f"; did you mean {near}?" if near else "")
        fixes = (replacement(word.span, near),) if near else ()
        self.add(code, message, word.span, notes=notes, fixes=fixes, layer=layer)

    def fault(self, fault: Fault, layer: str, type_span: Span, pairs: Mapping[str, Pair]) -> None:
        """Record what an operation says against its shapes, under the keys that it names."""
        spans = [pairs[key].span for key in fault.keys if key in pairs]
        line = type_span.line
        spans.sort(key=lambda s: (s.line != line, s.start))
        self.add(fault.code, fault.message.format(layer=layer), *(spans or [type_span]), notes=fault.notes, layer=layer)


def replacement(span: Span, text: str) -> Fix:
    """The fix that writes another word."""
    return Fix(f"write {text}", (Edit(span, text),))
