"""Read claims: what a layer or the network states after ``->``. A shape may be written height x width x channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from netspec.check.miswritten_claims import counts_in_pieces, is_key, report_bad_count, report_unknown
from netspec.check.report import Findings, joined_size
from netspec.check.values import pairs_by_key
from netspec.diagnostics import Edit, Fix
from netspec.ir.shape import Shape
from netspec.keys import BadValue, ImageShape
from netspec.keys.counts import OF_LAYER, OF_NETWORK, Count, Counts
from netspec.language.syntax import Claim, Pair, Section, Value, by_key
from netspec.source import Span

_SHAPE = ImageShape()
_COUNT = Counts()


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
    """Read a layer's claim and report mistakes in it. Return the shape and the counts, nothing if a key of the layer is
    among them."""
    if claim is None:
        return None, {}
    shape = None
    counts, values = _read_counts(claim, OF_LAYER, findings, layer)
    unknown = (pair.key.text for pair in claim.pairs if pair.key.text not in OF_LAYER)
    if any(is_key(word, layer) for word in unknown):  # without which the layer is another
        return None, {}
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
    counts, values = _read_counts(claim, OF_NETWORK, findings)
    for value in values:
        message = "a network claims counts, parameters=61.0M, and its layers claim shapes"
        findings.add("stray-value", message, value.span)
    return counts


def _read_counts(
    claim: Claim, known: Mapping[str, str], findings: Findings, layer: str = ""
) -> tuple[dict[str, Count], list[Value]]:
    """Return the counts of a claim, and the values that do not belong to one."""
    pieces = counts_in_pieces(claim, known, may_have_shape=known is OF_LAYER)
    for piece in pieces.counts:
        piece.report(findings, layer)
    counts: dict[str, Count] = {}
    for name, pair in pairs_by_key(claim.pairs, findings, layer).items():
        if name not in known:
            report_unknown(pair, claim, known, findings, layer)
        elif not pieces.have(pair.value):
            try:
                counts[name] = _COUNT.read(pair.value)
            except BadValue as error:
                report_bad_count(pair, error, findings, layer)
    return counts, [value for value in claim.values if not pieces.have(value)]


def in_axis_order(stated: Stated, values: Mapping[str, Any], reads: Sequence[Shape], findings: Findings) -> Stated:
    """Return the claim of a layer that could not be computed, as channels x height x width.

    The wrong order is recognised by the layer's number of filters or, for a window without filters, by its input's
    channels. It is reported.
    """
    shape = stated.shape
    channels_read = reads[0].channels if len(reads) == 1 and "kernel" in values else None
    channels = values.get("filters", channels_read)
    if shape is None or not shape.is_image or shape.width != channels or shape.channels == channels:
        return stated
    reordered = Shape(shape.width, shape.channels, shape.height)
    report_axis_order(stated, reordered, findings)
    return stated._replace(shape=reordered)


def report_axis_order(stated: Stated, reordered: Shape, findings: Findings) -> None:
    """Report a claim in the wrong order.

    The message does not depend on whether the layer could be computed, so that it stays the same when another mistake
    is fixed.
    """
    assert stated.shape_span is not None
    name = stated.section.name.text
    findings.add(
        "claim-refuted",
        f"{name}: a claim is channels x height x width, {reordered}, and not {stated.shape}",
        stated.shape_span,
        fixes=(Fix(f"claim {reordered}", (Edit(stated.shape_span, str(reordered)),)),),
        layer=name,
    )
