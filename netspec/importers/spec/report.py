"""What is reported of another program's network: its mistakes, what a spec cannot express, and its other outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netspec.check.report import Findings
from netspec.diagnostics import Diagnostic, SpecError, in_order
from netspec.formatting import listed, plural
from netspec.source import Span


class Problem(NamedTuple):
    """What a spec cannot express: its place, the layer in words, and the reason."""

    span: Span
    layer: str
    reason: str


def raise_errors(findings: Findings) -> None:
    """Raise ``SpecError`` with all diagnostics, in the order of their places, if there is an error among them."""
    if findings.has_errors():
        raise SpecError(in_order(findings.all))


def inexpressible(code: str, problems: Sequence[Problem], count: int) -> Diagnostic:
    """Return the diagnostic that lists everything that a spec cannot express, with its lines. ``count`` is the number
    of the network's layers."""
    ordered = sorted(problems, key=lambda problem: problem.span.start)
    places: dict[str, list[str]] = {}
    for span, layer, reason in ordered:
        places.setdefault(reason, []).append(f"{layer} in line {span.line}")
    notes = [f"{listed(those, 12)}: {reason}" for reason, those in places.items()]
    layers = len({problem.layer for problem in ordered})
    message = f"a spec cannot express {layers} of the network's {plural(count, 'layer')}"
    return Diagnostic(code, message, (ordered[0].span,), tuple(notes))


def other_outputs(code: str, names: Sequence[str], span: Span) -> Diagnostic:
    """Return the warning that the network has these outputs, of which the spec has the last."""
    message = f"the network has {len(names)} outputs; a spec has one, here {names[-1]}"
    note = f"the others are layers that no layer need read: {listed(names[:-1], 12)}"
    return Diagnostic(code, message, (span,), (note,), severity="warning")
