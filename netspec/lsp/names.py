"""Go to definition, find references, and rename, for layer names across a spec, its base specs and its variants."""

from __future__ import annotations

from netspec.diagnostics import Edit
from netspec.language.parser import parse
from netspec.lsp.document import Document
from netspec.lsp.documents import Documents
from netspec.lsp.elements import Element, element_at, layer_names
from netspec.source import Source, Span


class RenameError(Exception):
    """A layer cannot be renamed; the message says why."""


def definition(document: Document, offset: int) -> Span | None:
    """Return where the layer named at an offset is defined; for a variant, this may be in another file."""
    name = _name_at(document, offset)
    facts = document.checked.layer(name.word.text) if name else None
    return facts.section.name.span if facts else None


def references(documents: Documents, document: Document, offset: int, *, definitions: bool) -> list[Span]:
    """Return all occurrences of the layer name at an offset, in all files in which it refers to the same layer.

    ``definitions``: include the places where the layer is defined.
    """
    name = _name_at(document, offset)
    if name is None:
        return []
    family = _family(documents, document, name.word.text)
    elements = (element for member in family for element in _occurrences(member, name.word.text))
    return [element.word.span for element in elements if definitions or not element.defines]


def renamable(document: Document, offset: int) -> Span | None:
    """Return the place of the layer name at an offset, if there is one."""
    name = _name_at(document, offset)
    return name.word.span if name else None


def rename(documents: Documents, document: Document, offset: int, new: str) -> list[Edit]:
    """Return the edits that rename the layer named at an offset in all files.

    Raises
    ------
    RenameError
        There is no layer name at the offset, the new name is invalid or taken, or a file has syntax errors.
    """
    name = _name_at(document, offset)
    if name is None:
        raise RenameError("only layers can be renamed, and there is no layer's name here")
    if not _is_name(new):
        raise RenameError(f"'{new}' is not a valid name: a letter, then letters, digits, _ and -")
    old = name.word.text
    if new == old:
        return []
    family = _family(documents, document, old)
    for member in family:
        if member.file.diagnostics:
            line = member.file.diagnostics[0].span.line
            raise RenameError(f"{member.source.name}, line {line} has a syntax error, and could name {old} too")
        if member.checked.layer(new) or any(e.word.text == new and e.defines for e in layer_names(member)):
            raise RenameError(f"there is a layer {new} already in {member.source.name}")
    return [Edit(element.word.span, new) for member in family for element in _occurrences(member, old)]


def _name_at(document: Document, offset: int) -> Element | None:
    element = element_at(document, offset)
    return element if element and element.kind == "layer" else None


def _occurrences(document: Document, name: str) -> list[Element]:
    return [element for element in layer_names(document) if element.word.text == name]


def _family(documents: Documents, document: Document, name: str) -> list[Document]:
    """Return the document that defines a layer, which may be a base spec, and all variants of that document."""
    chain = [document, *map(documents.document_of, document.texts.bases)]
    owner = next((d for d in reversed(chain) if any(e.defines for e in _occurrences(d, name))), document)
    others = documents.others_in_folder(owner)
    return [owner, *(other for other in others if owner.source.name in {base.name for base in other.texts.bases})]


def _is_name(text: str) -> bool:
    """Whether a text is a valid layer name, according to the parser."""
    file = parse(Source("name", f"[{text}]"))
    return not file.diagnostics and [section.name.text for section in file.sections] == [text]
