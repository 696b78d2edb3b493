"""Check the counts that a spec claims of its whole network against the computed ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.check.counts import weights_and_biases
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.diagnostics import Edit, Fix
from netspec.formatting import format_count
from netspec.ir.graph import Graph
from netspec.ir.ops import BatchNorm
from netspec.keys.counts import Count
from netspec.language.syntax import by_key
from netspec.stats import depth, layer_numbers, totals

MAX_ALIKE = 3
"""How many layers of the same size may be the one that a wrong count leaves out."""


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
        span, right = pairs[name].value.span, f"{name}={count.of(true[name])}"
        findings.add(
            "claim-refuted",
            f"{graph.name} has {_shown(name, true[name])}, not {count.shown}",
            pairs[name].span,
            notes=_likely(name, count, true, graph),
            fixes=(Fix(f"claim {right}", (Edit(span, str(count.of(true[name]))),)),),
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


def _likely(name: str, count: Count, true: Mapping[str, int], graph: Graph) -> Iterator[str]:
    """Yield notes on what the claimed number counts, if it is something else than its name says, or all layers but
    one."""
    weights, parameters, connections = true["weights"], true["parameters"], true["connections"]
    numbers = layer_numbers(graph)
    statistics = sum(2 * node.output.channels for node in graph.nodes.values() if isinstance(node.op, BatchNorm))
    others = {
        "weights": (parameters, f"{weights_and_biases(weights, parameters)}; weights are counted without biases"),
        "parameters": (weights, f"{weights_and_biases(weights, parameters)}; parameters are counted with biases"),
        "connections": (
            2 * connections,
            f"2 * {format_count(connections)} = {format_count(2 * connections)}; a connection is two FLOPs",
        ),
        "units": (
            sum(n.units for n in numbers),
            "the units of a network are those of its convolutions and fully connected layers",
        ),
    }
    if name in others and count.holds(others[name][0]):
        yield others[name][1]
    if name == "parameters" and count.holds(parameters + statistics):
        yield (
            f"Keras also counts the {format_count(statistics)} running means and variances of batch normalisation: "
            f"{format_count(parameters + statistics)}"
        )
    without: dict[int, list[str]] = {}
    for layer in numbers:
        own = {"weights": layer.weights, "parameters": layer.parameters, "connections": layer.connections}.get(name, 0)
        if count.holds(true[name] - own):
            without.setdefault(own, []).append(layer.name)
    if len(without) == 1:  # a rounded number may be that without each of many layers, which says nothing about it
        ((own, names),) = without.items()
        if len(names) <= MAX_ALIKE:
            rest = format_count(true[name] - own)
            yield f"without {' or '.join(names)}, which has {format_count(own)}, it has {rest}"
