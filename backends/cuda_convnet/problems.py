"""What the files cannot say, told at the place in the spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netspec.diagnostics import Diagnostic
from netspec.diagnostics.model import whole
from netspec.language.parser import parse
from netspec.language.syntax import Section
from netspec.source import Source, Span


class Inexpressible(Exception):
    """A layer that has been reported and is given up."""


class Problems:
    """The diagnostics so far. ``errors`` says whether there is one that leaves no files."""

    def __init__(self, source: Source) -> None:
        file = parse(source)
        self.source = source
        self.sections: dict[str, Section] = {section.name.text: section for section in file.sections}
        self.statements = {setting.word.text: setting for setting in file.settings}
        self.found: dict[tuple[str, str], Diagnostic] = {}

    @property
    def all(self) -> tuple[Diagnostic, ...]:
        return tuple(self.found.values())

    @property
    def errors(self) -> bool:
        return any(d.severity == "error" for d in self.all)

    def cannot_say(
        self, layer: str, message: str, *keys: str, notes: Iterable[str] = (), instead: Sequence[str] = ()
    ) -> Inexpressible:
        """Report what cannot be said, under the first of these keys that the layer has, with what would do
        ``instead``. The answer is to be raised where nothing can stand for it. The same is said once of a layer,
        however many sections it becomes."""
        told = [*notes, *([f"what would do: {', or '.join(instead)}"] if instead else [])]
        found = Diagnostic("not-in-cfg", f"{layer}: {message}", (self._span(layer, keys),), tuple(told), layer=layer)
        self.found.setdefault((layer, message), found)
        return Inexpressible()

    def left_out(self, layer: str, message: str, *keys: str, notes: Iterable[str] = ()) -> None:
        """Report what is left out."""
        where = f"{layer}: " if layer in self.sections else ""
        span = self._span(layer, keys)
        found = Diagnostic(
            "left-out-of-cfg", f"{where}{message}", (span,), tuple(notes), severity="warning", layer=layer
        )
        self.found.setdefault((layer, message), found)

    def _span(self, layer: str, keys: Iterable[str]) -> Span:
        """The place of a layer, or of a statement, ``train``."""
        found = self.sections.get(layer) or self.statements.get(layer)
        if found is None:
            return whole(self.source)
        pairs = {pair.key.text: pair.span for pair in found.pairs}
        head = found.values[0].span if isinstance(found, Section) and found.values else found.span
        return next((pairs[key] for key in keys if key in pairs), head)
