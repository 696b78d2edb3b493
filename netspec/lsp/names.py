"""Names of layers across a spec, the spec that it starts from, and its variants: definition, references, renaming."""

from __future__ import annotations

from netspec.diagnostics import Edit
from netspec.language.parser import parse
from netspec.lsp.document import Document
from netspec.lsp.documents import Documents
from netspec.lsp.elements import Element, at, layer_names
from netspec.source import Source, Span


class Refused(Exception):
    """A renaming that cannot be; the message says why."""


def definition(document: Document, offset: int) -> Span | None:
    """Where the layer that is named at an offset is defined; for a variant's, that may be another file."""
    name = _name_at(document, offset)
    facts = document.checked.layer(name.word.text) if name else None
    return facts.section.name.span if facts else None


def references(documents: Documents, document: Document, offset: int, *, defining: bool) -> list[Span]:
    """Every place that names the layer which is named at an offset, in all files that mean the same layer by it.

    ``defining``: with the names at the beginnings of layers.
    """
    name = _name_at(document, offset)
    if name is None:
        return []
    found = (e for d in _family(documents, document, name.word.text) for e in _occurrences(d, name.word.text))
    return [element.word.span for element in found if defining or not element.defines]


def renamable(document: Document, offset: int) -> Span | None:
    """The layer's name at an offset."""
    name = _name_at(document, offset)
    return name.word.span if name else None


def rename(documents: Documents, document: Document, offset: int, new: str) -> list[Edit]:
    """The edits that give a layer another name, everywhere.

    Raises
    ------
    Refused
        There is no layer's name, the new one is none or is taken, or a file cannot be read for syntax errors.
    """
    name = _name_at(document, offset)
    if name is None:
        raise Refused("only layers can be renamed, and here stands no layer's name")
    if not _is_name(new):
        raise Refused(f"'{new}' is no name: a letter, then letters, digits, _ and -")
    old = name.word.text
    if new == old:
        return []
    family = _family(documents, document, old)
    for member in family:
        if member.file.diagnostics:
            line = member.file.diagnostics[0].span.line
            raise Refused(f"{member.source.name}, line {line} has a syntax error, and could name {old} too")
        if member.checked.layer(new) or any(e.word.text == new and e.defines for e in layer_names(member)):
            raise Refused(f"there is a layer {new} already in {member.source.name}")
    return [Edit(element.word.span, new) for d in family for element in _occurrences(d, old)]


def _name_at(document: Document, offset: int) -> Element | None:
    element = at(document, offset)
    return element if element and element.sort == "layer" else None


def _occurrences(document: Document, name: str) -> list[Element]:
    return [element for element in layer_names(document) if element.word.text == name]


def _family(documents: Documents, document: Document, name: str) -> list[Document]:
    """The document in which a layer begins, among this one and those it starts from, and all that start from that."""
    chain = [document, *map(documents.view, document.texts.bases)]
    owner = next((d for d in reversed(chain) if any(e.defines for e in _occurrences(d, name))), document)
    heirs = [d for d in documents.beside(owner) if owner.source.name in {base.name for base in d.texts.bases}]
    return [owner, *heirs]


def _is_name(text: str) -> bool:
    """Whether a layer may be called so: the parser is asked."""
    file = parse(Source("name", f"[{text}]"))
    return not file.diagnostics and [section.name.text for section in file.sections] == [text]
