"""The outline of a spec: its layers and settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netspec.lsp.document import Document
from netspec.lsp.elements import type_of
from netspec.source import Span


@dataclass(frozen=True, slots=True)
class Symbol:
    """A layer or a setting, with the places of the whole statement and of its name."""

    name: str
    kind: Literal["layer", "setting"]
    detail: str
    span: Span
    name_span: Span


def symbols(document: Document) -> list[Symbol]:
    """Return the layers and settings of a document in file order."""
    result = [
        Symbol(s.word.text, "setting", " ".join(v.span.text for v in s.values), s.span, s.word.span)
        for s in document.file.settings
    ]
    for section in document.file.sections:
        facts = document.facts(section)
        shape = (facts.stated.shape or facts.computed) if facts else None
        detail = f"{type_of(document, section)} {shape or ''}".strip()
        result.append(Symbol(section.name.text, "layer", detail, section.span, section.name.span))
    return sorted(result, key=lambda symbol: symbol.span.start)
