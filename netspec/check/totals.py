"""Check the counts that a spec claims of its whole network against the computed ones."""

from __future__ import annotations

from netspec.check.likely_totals import likely
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.diagnostics import Edit, Fix
from netspec.formatting import format_count
from netspec.ir.graph import Graph
from netspec.language.syntax import by_key
from netspec.stats import depth, layer_numbers, totals


def check_totals(graph: Graph, settings: Settings, findings: Findings) -> None:
    """Report each count that is claimed of the network and is not true of it."""
    claim = settings.statements["net"].claim if settings.claimed else None
    if claim is None:
        return
    true = computed_totals(graph)
    pairs = by_key(claim.pairs)
    for name, count in settings.claimed.items():
        if count.holds(true[name]):
            continue
        span, right = pairs[name].value.span, count.corrected(true[name])
        findings.add(
            "claim-refuted",
            f"{graph.name} has {_shown(name, true[name])}, not {count.shown}",
            pairs[name].span,
            notes=likely(name, count, true, graph),
            fixes=(Fix(f"claim {name}={right}", (Edit(span, str(right)),)),),
        )


def computed_totals(graph: Graph) -> dict[str, int]:
    """Return the counts that a spec may claim of its network, by name."""
    numbers = layer_numbers(graph)
    sums = totals(numbers)
    return {
        "units": sums.units,
        "weights": sums.weights,
        "parameters": sums.parameters,
        "connections": sums.connections,
        "depth": depth(numbers),
    }


def _shown(name: str, number: int) -> str:
    return f"a depth of {number}" if name == "depth" else f"{format_count(number)} {name}"
