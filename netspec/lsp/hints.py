"""The shapes that a spec does not state, for the ends of its lines."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.lsp.document import Document


@dataclass(frozen=True, slots=True)
class Hint:
    """A shape, shown behind a statement's last character; ``claim`` is what would state it there."""

    offset: int
    shape: str
    claim: str


def hints(document: Document, start: int, end: int) -> list[Hint]:
    """The output shape of each layer between two offsets whose line does not have it already."""
    found = []
    for section in document.file.sections:
        place = section.span.end
        facts = document.facts(section) if start <= place <= end and section.body.claim is None else None
        if facts is None or facts.computed is None:
            continue
        shape = str(facts.computed)
        if shape not in [value.span.text for value in section.values]:
            found.append(Hint(place, shape, f"  -> {shape}"))
    return found
