"""Find the element at an offset: a layer name, a type, a key, a value, an argument, a setting or a claimed count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from netspec import layers
from netspec.keys import Key, LayerNames, by_name
from netspec.language.syntax import Call, Pair, Section, Setting, Value, Values, Word
from netspec.lsp.document import Document
from netspec.setting_keys import keys_of_setting

Kind = Literal["layer", "type", "setting", "key", "value", "argument", "count"]


@dataclass(frozen=True, slots=True)
class Element:
    """A word and its role.

    ``key`` is the definition of the key that the word is or belongs to, and ``owner`` the layer type or setting that
    has this key; for a claimed count, ``net`` if it is that of the network, else nothing. ``defines``: the word is a
    layer name in brackets, where the layer is defined. ``call`` is the name of the form that an argument belongs to,
    such as ``sgd``.
    """

    kind: Kind
    word: Word
    key: Key | None = None
    owner: str = ""
    defines: bool = False
    call: str = ""


def element_at(document: Document, offset: int) -> Element | None:
    """Return the element that contains an offset or ends at it."""
    for statement in _statements(document):
        if statement.span.start <= offset <= statement.span.end:
            return next((e for e in _elements(document, statement) if _covers(e, offset)), None)
    return None


def layer_names(document: Document) -> Iterator[Element]:
    """Yield every occurrence of a layer name in a text."""
    for statement in _statements(document):
        yield from (e for e in _elements(document, statement) if e.kind == "layer")


def type_of(document: Document, section: Section) -> str:
    """Return a layer's type as written or as inherited from the base spec; empty if there is none."""
    if section.body.type:
        return section.body.type
    facts = document.facts(section)
    return (facts.type if facts else None) or ""


def keys_of(word: str) -> tuple[Key, ...]:
    """Return the keys of a layer type or a setting; empty for an unknown word."""
    type_ = layers.find(word)
    return type_.keys if type_ else keys_of_setting(word)


@cache
def naming_keys() -> frozenset[str]:
    """Return the keys whose values are layer names, including ``after``, with which a variant inserts a layer."""
    keys = (key for layer_type in layers.all_types() for key in layer_type.keys)
    return frozenset({"after", *(key.name for key in keys if isinstance(key.kind, LayerNames))})


def _statements(document: Document) -> Iterator[Section | Setting]:
    yield from document.file.sections
    yield from document.file.settings


def _elements(document: Document, statement: Section | Setting) -> Iterator[Element]:
    if isinstance(statement, Section):
        yield Element("layer", statement.name, defines=True)
        yield from _types(statement.values[:1])
        yield from _pairs(statement.pairs, type_of(document, statement))
        yield from _counts(statement, "")
        return
    word = statement.word.text
    yield Element("setting", statement.word)
    if word == "default":
        yield from _types(statement.values[:1])
        first = statement.values[0] if statement.values else None
        yield from _pairs(statement.pairs, first.text if isinstance(first, Word) else "")
    elif word == "drop":
        yield from (Element("layer", value) for value in statement.values if isinstance(value, Word))
    else:
        yield from _pairs(statement.pairs, word)
        yield from _counts(statement, word)


def _counts(statement: Section | Setting, owner: str) -> Iterator[Element]:
    pairs = statement.claim.pairs if statement.claim else ()
    yield from (Element("count", pair.key, owner=owner) for pair in pairs)


def _types(values: Sequence[Value]) -> Iterator[Element]:
    yield from (Element("type", value) for value in values if isinstance(value, Word))


def _pairs(pairs: Sequence[Pair], owner: str) -> Iterator[Element]:
    keys = by_name(keys_of(owner))
    for pair in pairs:
        key = keys.get(pair.key.text)
        yield Element("key", pair.key, key, owner)
        kind: Kind = "layer" if pair.key.text in naming_keys() else "value"
        for item in pair.value.items if isinstance(pair.value, Values) else (pair.value,):
            word = item.name if isinstance(item, Call) else item
            if isinstance(word, Word):
                yield Element(kind, word, key, owner)
            if isinstance(item, Call):
                yield from (Element("argument", p.key, key, owner, call=item.name.text) for p in item.named)


def _covers(element: Element, offset: int) -> bool:
    return element.word.span.start <= offset <= element.word.span.end
