"""Making the warning of a trap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netspec.check.facts import LayerFacts
from netspec.diagnostics import Diagnostic, Fix
from netspec.ir.graph import Node
from netspec.source import Span


def warning(
    code: str,
    message: str,
    node: Node,
    facts: Mapping[str, LayerFacts],
    keys: Iterable[str],
    notes: Iterable[str],
    fixes: Iterable[Fix] = (),
) -> Diagnostic:
    """Make a warning about an operation, at the first of ``keys`` that its layer gives, or else at its type."""
    layer = facts[node.layer]
    spans = [layer.pairs[key].span for key in keys if key in layer.pairs]
    section = layer.section
    fallback: Span = section.values[0].span if section.values else section.name.span
    place = tuple(spans[:1]) or (fallback,)
    return Diagnostic(code, message, place, tuple(notes), tuple(fixes), severity="warning", layer=node.layer)
