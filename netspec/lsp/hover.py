"""Hover texts: a layer's shape, counts and arithmetic; the documentation of types, keys, values and settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netspec import layers
from netspec.check import LayerFacts
from netspec.check.arithmetic import count_arithmetic, shape_arithmetic
from netspec.explain.keys import argument_line, default_line
from netspec.formatting import format_count
from netspec.ir.ops import Connected, GroupNorm, Lrn
from netspec.ir.ops.base import Role
from netspec.keys.calls import forms_of
from netspec.keys.counts import OF_LAYER, OF_NETWORK, Counts
from netspec.lsp.document import Document
from netspec.lsp.elements import Element, element_at
from netspec.setting_keys import SETTINGS
from netspec.source import Span

_GROUPED = Connected | Lrn | GroupNorm


@dataclass(frozen=True, slots=True)
class Hover:
    """A hover text in Markdown, and the word that it describes."""

    markdown: str
    span: Span


def hover(document: Document, offset: int) -> Hover | None:
    """Return the hover text of the word at an offset, if it has one."""
    element = element_at(document, offset)
    text = _text(document, element) if element else ""
    return Hover(text, element.word.span) if element and text else None


def _text(document: Document, element: Element) -> str:
    match element.kind:
        case "layer":
            facts = document.checked.layer(element.word.text)
            return layer_card(document, facts) if facts else ""
        case "type":
            return _type(element.word.text)
        case "setting":
            setting = SETTINGS.get(element.word.text)
            return f"**{element.word.text}**: {setting.doc}\n\n```net\n{setting.example}\n```" if setting else ""
        case "key":
            return _key(element)
        case "value":
            return _value(element)
        case "argument":
            return _argument(element)
        case "count":
            return _count(element)


def layer_card(document: Document, facts: LayerFacts) -> str:
    """Describe a layer in Markdown: its shape, its inputs and readers, its counts and their arithmetic."""
    name = facts.name
    shape = facts.computed or facts.stated.shape
    lines = [f"**{name}**: {facts.type or 'a layer of unknown type'}" + (f", {shape}" if shape else "")]
    return "\n".join([*lines, "", *(f"- {line}" for line in _layer_lines(document, facts))])


def _layer_lines(document: Document, facts: LayerFacts) -> Iterator[str]:
    all_layers = document.checked.layers
    if facts.inputs:
        yield "reads " + ", ".join(_with_shape(all_layers[i]) for i in facts.inputs)
    readers = [f.name for f in all_layers if any(all_layers[i] is facts for i in f.inputs)]
    if readers:
        yield f"read by {', '.join(readers)}"
    if facts.computed is None:
        yield "its shape cannot be computed: it or what it reads is wrong"
        return
    if facts.stated.shape not in (None, facts.computed):
        yield f"computed {facts.computed}, stated {facts.stated.shape}"
    yield from (line for line in shape_arithmetic(facts.steps) if "=" in line)
    groups = [s.op.groups for s in facts.steps if isinstance(s.op, _GROUPED) and s.op.groups > 1]
    if groups:
        yield f"{groups[0]} groups, each with its own share of the input"
    yield from _placement(document, facts)
    weights, biases = _parameters(facts, "weight"), _parameters(facts, "bias")
    if weights:
        owner = facts.values.get("weights")
        shared = f" of {owner[0]}, shared" if owner else ""
        yield f"{format_count(weights)} weights{shared}" + (f", {format_count(biases)} biases" if biases else "")
        yield from (f"weights: {line}" for line in count_arithmetic("weights", facts.steps))
    if connections := facts.counts["connections"]:
        yield f"{format_count(connections)} connections"
        yield from (f"connections: {line}" for line in count_arithmetic("connections", facts.steps))
    yield f"{format_count(facts.counts['units'])} units"


def _parameters(facts: LayerFacts, role: Role) -> int:
    """Count the weights or biases that a layer uses, those of another layer included."""
    used = (parameter for step in facts.steps for parameter in step.op.params(step.reads, step.output))
    return sum(parameter.size for parameter in used if parameter.role == role)


def _with_shape(facts: LayerFacts) -> str:
    shape = facts.stated.shape or facts.computed
    return f"{facts.name} ({shape})" if shape else facts.name


def _placement(document: Document, facts: LayerFacts) -> Iterator[str]:
    """Describe the placement of a layer's output, if the network has no errors and several GPU groups."""
    graph = document.checked.graph
    if graph is None or graph.groups == 1:
        return
    layer = graph.layers[facts.name]
    if layer.placement.split:
        reads = {"own": ", reads its own group's share", "all": ", reads all groups"}[layer.reads]
        yield f"split over {graph.groups} GPU groups{reads if 'reads' in facts.values else ''}"
    elif layer.placement.gpu is not None:
        yield f"whole, on GPU group {layer.placement.gpu}"
    else:
        yield "whole"


def _count(element: Element) -> str:
    word = element.word.text
    owner, known = ("the network", OF_NETWORK) if element.owner == "net" else ("the layer", OF_LAYER)
    return f"**{word}** of {owner}: {known[word]}\n\nA claim: {Counts().doc}" if word in known else ""


def _type(word: str) -> str:
    type_ = layers.find(word)
    return f"**{word}**: {type_.doc}\n\nShape: {type_.rule}\n\n```net\n{type_.example}\n```" if type_ else ""


def _key(element: Element) -> str:
    key = element.key
    if key is None:
        return ""
    lines = [
        f"**{key.name}** of {element.owner}: {key.doc}",
        "",
        f"- {key.kind.doc}" + (f"; in {key.unit}" if key.unit else ""),
        f"- {default_line(key)}",
    ]
    owner = layers.find(element.owner)
    if key.per_input and owner is not None and owner.arity[1] != 1:
        lines.append("- with several inputs, it may have a value for each")
    return "\n".join(lines)


def _value(element: Element) -> str:
    form = forms_of(element.key.kind).get(element.word.text) if element.key else None
    if form is None:
        return ""
    lines = [f"- {argument_line(argument)}" for argument in form.arguments]
    return "\n".join([f"**{element.word.text}**: {form.doc}", *([""] if lines else []), *lines])


def _argument(element: Element) -> str:
    form = forms_of(element.key.kind).get(element.call) if element.key else None
    argument = next((a for a in form.arguments if a.name == element.word.text), None) if form else None
    return f"of {element.call}, {argument_line(argument)}" if argument else ""
