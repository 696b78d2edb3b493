"""Completion: settings, layer types, keys not given yet, values, layer names, base files and claims."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from netspec import layers
from netspec.check import Checked, LayerFacts
from netspec.check.totals import computed_totals
from netspec.explain.keys import default_line
from netspec.keys import Argument, Key, LayerNames, OneOf
from netspec.keys.calls import forms_of
from netspec.keys.counts import OF_LAYER, OF_NETWORK, Count
from netspec.lsp.document import Document
from netspec.lsp.elements import keys_of, naming_keys
from netspec.lsp.scan import Context, context, statement_around
from netspec.setting_keys import SETTINGS, keys_of_setting
from netspec.source import Source

Kind = Literal["setting", "type", "key", "value", "layer", "shape", "file"]

MAX_ROW_CHANNELS = 16
"""The most input channels for which a row of a connection table is offered."""

_PRINTED = Count(100, 1, "M")
"""A count with as many digits as papers print."""

_VARIANT_DOCS = {
    "drop": "Removes layers of the spec that this one starts from.",
    "after": "the layer that this one is inserted after",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A completion. ``insert`` is the text that replaces the offsets ``start`` to ``end``."""

    label: str
    kind: Kind
    insert: str
    start: int
    end: int
    detail: str = ""
    doc: str = ""


def complete(document: Document, offset: int) -> list[Candidate]:
    """Return the completions at an offset, the likeliest first."""
    if document.too_large:
        return []
    here = context(document.source, offset)
    return list(_candidates(document, here)) if here else []


def _candidates(document: Document, here: Context) -> Iterator[Candidate]:
    match here.kind:
        case "start":
            yield from _settings(document, here)
        case "name" if document.base:
            yield from _layers(here, document.checked.layers)
        case "type":
            yield from _types(here)
            if document.base and here.head == "[":
                yield from _keys(document, here)
        case "item" if here.head == "drop":
            yield from _layers(here, document.checked.layers)
        case "item":
            yield from _keys(document, here)
        case "value" if here.head == "net" and here.key == "from":
            yield from _bases(document, here)
        case "value" if here.key in naming_keys():
            yield from _layers(here, _namable(document, here))
        case "value":
            yield from _values(document, here)
        case "argument":
            yield from _arguments(document, here)
        case "choice":
            yield from _choices(document, here)
        case "claim" | "count":
            yield from _claims(document, here)


def _settings(document: Document, here: Context) -> Iterator[Candidate]:
    docs = {word: setting.doc for word, setting in SETTINGS.items()}
    if document.base:
        docs["drop"] = _VARIANT_DOCS["drop"]
    for word, doc in docs.items():
        yield Candidate(word, "setting", f"{word} ", here.start, here.end, "setting", doc)


def _types(here: Context) -> Iterator[Candidate]:
    for type_ in layers.all_types():
        required = " ".join(f"{key.name}=" for key in type_.keys if key.required)
        doc = f"{type_.doc}\n\nShape: {type_.rule}"
        yield Candidate(type_.name, "type", type_.name, here.start, here.end, required, doc)


def _keys(document: Document, here: Context) -> Iterator[Candidate]:
    """Yield the keys that the statement may still have, required ones first."""
    keys = [key for key in _allowed_keys(document, here) if key.name not in here.given]
    equals = "" if here.followed else "="
    for key in sorted(keys, key=lambda k: not k.required):
        unit = f", {key.unit}" if key.unit else ""
        detail = f"{key.kind.doc}{unit}; {default_line(key)}"
        yield Candidate(key.name, "key", f"{key.name}{equals}", here.start, here.end, detail, key.doc)
    if document.base and here.head == "[" and "after" not in here.given:
        doc = _VARIANT_DOCS["after"]
        yield Candidate("after", "key", f"after{equals}", here.start, here.end, "a name of a layer", doc)


def _values(document: Document, here: Context) -> Iterator[Candidate]:
    key = _key(document, here)
    if key is None:
        return
    if key.name == "table":
        yield from _rows(document, here)
    forms = forms_of(key.kind)
    words = key.kind.values if isinstance(key.kind, OneOf) else key.kind.words
    for word in words:
        form = forms.get(word)
        arguments = ", ".join(argument.name for argument in form.arguments) if form else ""
        needs_arguments = form is not None and any(argument.required for argument in form.arguments)
        insert = f"{word}(" if needs_arguments else word
        detail = f"{word}({arguments})" if arguments else key.kind.doc
        yield Candidate(word, "value", insert, here.start, here.end, detail, form.doc if form else "")


def _rows(document: Document, here: Context) -> Iterator[Candidate]:
    """Yield a row of a connection table that has all channels of the layer's input, for the user to remove some."""
    facts = document.checked.layer(here.name)
    source = document.checked.layers[facts.inputs[0]] if facts and len(facts.inputs) == 1 else None
    shape = source.computed if source else None
    if source is None or shape is None or not shape.is_image or shape.channels > MAX_ROW_CHANNELS:
        return
    row = "+".join(map(str, range(shape.channels)))
    doc = f"a filter's row: the channels that it reads, of {source.name}'s {shape.channels}"
    yield Candidate(row, "value", row, here.start, here.end, doc)


def _bases(document: Document, here: Context) -> Iterator[Candidate]:
    """Yield the other specs in the folder."""
    own_name = document.source.name.rpartition("/")[2]
    for name in document.folder.names():
        if name != own_name:
            yield Candidate(name, "file", name, here.start, here.end, "a spec of this folder")


def _signature(document: Document, here: Context) -> tuple[Argument, ...]:
    """Return the arguments of the word before the parentheses."""
    key = _key(document, here)
    form = forms_of(key.kind).get(here.call) if key else None
    return form.arguments if form else ()


def _choices(document: Document, here: Context) -> Iterator[Candidate]:
    """Yield the words that the argument before the = accepts."""
    for argument in _signature(document, here):
        for word in argument.kind.words if argument.name in here.listed[-1:] else ():
            doc = f"{argument.name} of {here.call}"
            yield Candidate(word, "value", word, here.start, here.end, argument.kind.doc, doc)


def _arguments(document: Document, here: Context) -> Iterator[Candidate]:
    equals = "" if here.followed else "="
    for argument in _signature(document, here):
        if argument.name not in here.listed:
            insert = f"{argument.name}{equals}"
            detail = f"{argument.kind.doc}; {default_line(argument)}"
            yield Candidate(argument.name, "key", insert, here.start, here.end, detail, f"of {here.call}")


def _layers(here: Context, named: Iterable[LayerFacts]) -> Iterator[Candidate]:
    for facts in named:
        name = facts.name
        if name not in here.listed:
            shape = facts.stated.shape or facts.computed
            detail = f"{facts.type or ''} {shape or ''}".strip()
            yield Candidate(name, "layer", name, here.start, here.end, detail)


def _namable(document: Document, here: Context) -> list[LayerFacts]:
    """Return the layers that may be named: those above the current layer, nearest first.

    For ``weights``, only layers of the same type; for ``after``, all other layers.
    """
    all_layers = document.checked.layers
    if here.key == "after":
        return [facts for facts in all_layers if facts.name != here.name]
    index = next((i for i, f in enumerate(all_layers) if f.name == here.name), len(all_layers))
    above = list(reversed(all_layers[:index]))
    return [f for f in above if f.type == _type(document, here)] if here.key == "weights" else above


def _claims(document: Document, here: Context) -> Iterator[Candidate]:
    """Yield the claims that hold for the layer or, in the ``net`` line, for the network, computed by checking the file
    without the claim being written. Behind the name of a count, this is its number, exact and rounded."""
    start, end = statement_around(document.source, here.start)
    text = document.source.text
    arrow = text.find("->", start, end)
    if here.head not in ("[", "net") or arrow < 0:
        return
    blank = "".join(c if c in "\r\n" else " " for c in text[arrow:end])
    without_claim = replace(document, source=Source(document.source.name, text[:arrow] + blank + text[end:]))
    shape, counts, docs = _true_claims(without_claim.checked, here)
    if here.kind == "count":
        true = counts.get(here.key)
        for number in dict.fromkeys(map(str, (true, _PRINTED.of(true)) if true is not None else ())):
            yield Candidate(number, "value", number, here.start, here.end, docs[here.key])
        return
    others = text[arrow : here.start] + text[here.end : end]
    claims = {shape: "its shape"} if shape else {}
    for count, true in counts.items():
        if not re.search(rf"\b{count}[ \t]*=", others):
            claims[count if here.followed else f"{count}={true}"] = docs[count]
    space = " " if text[: here.start].endswith(">") else ""
    for claim, doc in claims.items():
        yield Candidate(claim, "shape", space + claim, here.start, here.end, doc)


def _true_claims(checked: Checked, here: Context) -> tuple[str, Mapping[str, int], Mapping[str, str]]:
    """Return what can be claimed: the shape, and the counts with their descriptions; nothing if it cannot be
    computed."""
    if here.head == "net":
        return "", computed_totals(checked.graph) if checked.graph else {}, OF_NETWORK
    facts = checked.layer(here.name)
    if facts is None or facts.computed is None:
        return "", {}, OF_LAYER
    return str(facts.computed), {count: facts.counts[count] for count in OF_LAYER}, OF_LAYER


def _key(document: Document, here: Context) -> Key | None:
    """Return the key whose value is being written, if the statement may have it."""
    return next((key for key in _allowed_keys(document, here) if key.name == here.key), None)


def _allowed_keys(document: Document, here: Context) -> tuple[Key, ...]:
    """Return the keys that the statement may have."""
    if here.head == "[":
        return keys_of(_type(document, here))
    if here.head == "default":
        return tuple(key for key in keys_of(here.operand) if not isinstance(key.kind, LayerNames))
    return keys_of_setting(here.head)


def _type(document: Document, here: Context) -> str:
    """Return the type of the layer being written; in a variant, possibly the inherited one. Empty if unknown."""
    if layers.find(here.operand):
        return here.operand
    facts = document.checked.layer(here.name)
    return (facts.type if facts else None) or ""
