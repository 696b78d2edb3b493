"""Claims whose shape is written height x width x channels instead of channels x height x width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netspec.check.claims import Stated
from netspec.check.report import Findings
from netspec.diagnostics import Edit, Fix
from netspec.ir.shape import Shape


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
