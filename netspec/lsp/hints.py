"""Inlay hints: output shapes at the ends of the lines that do not state them."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.lsp.document import Document


@dataclass(frozen=True, slots=True)
class Hint:
    """A shape that is shown after a statement's last character. ``claim`` is the text that would state it there."""

    offset: int
    shape: str
    claim: str


def hints(document: Document, start: int, end: int) -> list[Hint]:
    """Return the output shape of each layer that ends between two offsets and does not state its shape."""
    result = []
    for section in document.file.sections:
        offset = section.span.end
        facts = document.facts(section) if start <= offset <= end and not section.body.has_claim else None
        if facts is None or facts.computed is None:
            continue
        shape = str(facts.computed)
        if shape not in [value.span.text for value in section.values]:
            result.append(Hint(offset, shape, f"  -> {shape}"))
    return result
