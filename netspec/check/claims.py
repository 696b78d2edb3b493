"""Read claims: what a layer, or the network, states after ``->``."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from netspec.check.report import Findings, joined_size
from netspec.check.values import pairs_by_key
from netspec.diagnostics import Edit, Fix
from netspec.diagnostics.other_tools.keys import ABSENT_COUNTS
from netspec.diagnostics.other_tools.words import plain_word
from netspec.formatting import format_count, format_product
from netspec.ir.shape import Shape
from netspec.keys import BadValue, ImageShape
from netspec.keys.counts import MAX_COUNT, Count, Counts
from netspec.keys.numbers import without_commas
from netspec.language.syntax import Claim, Dims, Maps, Number, Pair, Rounded, Section, Value, by_key
from netspec.source import Span

OF_LAYER: Mapping[str, str] = {
    "units": "output values",
    "weights": "learnt numbers of its own without biases",
    "parameters": "learnt numbers of its own with biases",
    "connections": "multiply-accumulates of one image's forward pass",
}
"""What a layer may state, with a description of each."""

OF_NETWORK: Mapping[str, str] = {
    "units": "output values of the convolutions and fully connected layers",
    "weights": "learnt numbers without biases",
    "parameters": "learnt numbers with biases",
    "connections": "multiply-accumulates of one image's forward pass",
    "depth": "the most convolutions and fully connected layers on a way from the input to an output",
}
"""What the network may state."""

_SHAPE = ImageShape()
_COUNT = Counts()
_SPACED = re.compile(r"\d{1,3}(?:[ \t]+\d{3})+(?![\w.])")


class Stated(NamedTuple):
    """A layer's claim as far as it could be read: the shape, the counts, and where each is written."""

    section: Section
    shape: Shape | None
    counts: Mapping[str, Count]

    @property
    def shape_span(self) -> Span | None:
        claim = self.section.claim
        return claim.values[0].span if claim and self.shape is not None else None

    @property
    def pairs(self) -> dict[str, Pair]:
        claim = self.section.claim
        return by_key(claim.pairs) if claim else {}


def read_claim(claim: Claim | None, findings: Findings, layer: str) -> tuple[Shape | None, dict[str, Count]]:
    """Read a layer's claim and report mistakes in it. Return the shape and the counts."""
    if claim is None:
        return None, {}
    shape = None
    spaced = _with_spaces(claim)
    counts = _read_counts(claim, spaced, OF_LAYER, findings, layer)
    values = [v for v in claim.values if not any(number.contains(v.span) for number in spaced.values())]
    first, *others = values or (None,)
    fix = joined_size(values) if others else None
    if fix:
        findings.add("stray-value", "a shape is written as one value", claim.span, fixes=(fix,), layer=layer)
    elif first:
        if others:
            findings.add("stray-value", "only one shape can be claimed", *(v.span for v in values[1:]), layer=layer)
        try:
            shape = _SHAPE.read(first)
        except BadValue as error:
            findings.bad_value("the stated shape", error, layer)
    return shape, counts


def read_network_claim(claim: Claim, findings: Findings) -> dict[str, Count]:
    """Read the network's claim and report mistakes in it."""
    spaced = _with_spaces(claim, shape=False)
    for value in claim.values:
        if not any(number.contains(value.span) for number in spaced.values()):
            message = "a network claims counts, parameters=61.0M, and its layers claim shapes"
            findings.add("stray-value", message, value.span)
    return _read_counts(claim, spaced, OF_NETWORK, findings)


def _read_counts(
    claim: Claim, spaced: Mapping[str, Span], known: Collection[str], findings: Findings, layer: str = ""
) -> dict[str, Count]:
    counts: dict[str, Count] = {}
    for name, pair in pairs_by_key(claim.pairs, findings, layer).items():
        if name not in known:
            _report_unknown(pair, known, findings, layer)
        elif name in spaced:
            _report_spaces(name, spaced[name], findings, layer)
        else:
            try:
                counts[name] = _COUNT.read(pair.value)
            except BadValue as error:
                _report_bad_count(pair, error, findings, layer)
    return counts


def _with_spaces(claim: Claim, *, shape: bool = True) -> dict[str, Span]:
    """Return the spans of counts with spaces between their thousands, 12 582 912, by key.

    Where the claim may have a ``shape``, a single number after a count may be that: such a count needs two, or a shape
    elsewhere in the claim.
    """
    if len(claim.values) < 1 + shape:
        return {}
    found = {}
    for pair in claim.pairs:
        value = pair.value.span
        end = claim.span.end if claim.span.source is value.source else value.end
        if number := _SPACED.match(value.source.text, value.start, end):
            found[pair.key.text] = Span(value.source, *number.span())
    return found


def _report_spaces(name: str, span: Span, findings: Findings, layer: str) -> None:
    number = re.sub(r"\s", "", span.text)
    fixes = (Fix(f"write {number}", (Edit(span, number),), spelling=True),)
    message = f"{name}: needs {_COUNT.doc}, not '{span.text}'"
    findings.add("bad-value", message, span, fixes=fixes, layer=layer)


def _report_unknown(pair: Pair, known: Collection[str], findings: Findings, layer: str) -> None:
    word = pair.key
    absent = ABSENT_COUNTS.get(plain_word(word.text))
    if absent:
        findings.add("unknown-key", f"claim '{word.text}' is unknown", word.span, notes=(absent,), layer=layer)
        return
    notes = (f"{'a layer' if layer else 'a network'} may state {', '.join(known)}",)
    near, number = findings.nearest(word.text, known), number_of(pair.value)
    if near and number is not None and not isinstance(pair.value, Number | Rounded):
        text = f"{near}={number}"
        message = f"claim '{word.text}' is unknown; did you mean {text}?"
        fixes = (Fix(f"write {text}", (Edit(pair.span, text),)),)
        findings.add("unknown-key", message, word.span, notes=notes, fixes=fixes, layer=layer)
        return
    findings.unknown("unknown-key", "claim", word, known, layer=layer, notes=notes)


def _report_bad_count(pair: Pair, error: BadValue, findings: Findings, layer: str) -> None:
    """Report a count that could not be read, with a fix if it is a number in another notation."""
    number, value = number_of(pair.value), pair.value
    notes: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()
    if number is not None and 0 <= number <= MAX_COUNT:
        fixes = (Fix(f"write {number}", (Edit(value.span, str(number)),), spelling=True),)
        notes = (f"{format_product(value.values)} = {format_count(number)}",) if isinstance(value, Dims) else ()
    findings.add("bad-value", f"{pair.key.text}: {error.message}", error.span, notes=notes, fixes=fixes, layer=layer)


def number_of(value: Value) -> int | None:
    """Return the whole number that is written as 150, 1.5e2, 5x5x6, 144+6 or 12,582,912; ``None`` for another value."""
    match value:
        case Number() if value.value == int(value.value):
            return int(value.value)
        case Dims():
            return math.prod(value.values)
        case Maps():
            return sum(value.values)
    digits = without_commas(value)
    return int(digits) if digits else None
