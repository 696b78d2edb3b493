"""What a wrong count that is claimed of the whole network most likely counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from netspec.check.counts import weights_and_biases
from netspec.formatting import format_count
from netspec.ir.graph import Graph
from netspec.ir.ops import BatchNorm
from netspec.keys.counts import Count
from netspec.stats import LayerNumbers, layer_numbers

MAX_ALIKE = 3
"""How many layers of the same size may be the one that a wrong count leaves out."""

MAX_OUTPUTS = 10
"""Of how many outputs the layers that lead to each are counted."""


def likely(name: str, count: Count, true: Mapping[str, int], graph: Graph) -> Iterator[str]:
    """Yield notes on what a claimed number counts, if it is something else than its name says, or a part of the
    network."""
    weights, parameters, connections = true["weights"], true["parameters"], true["connections"]
    numbers = layer_numbers(graph)
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
    if name == "parameters":
        yield from _of_keras(count, parameters, graph, numbers)
    part = _part(name, count, numbers) or _in_1024s(name, count, numbers)
    if part:
        yield part


def _of_keras(count: Count, parameters: int, graph: Graph, numbers: Sequence[LayerNumbers]) -> Iterator[str]:
    """Yield a note if Keras counts so many parameters: its summary includes the running statistics of batch
    normalisation, and ResNets of keras.applications have biases before it (keras/src/applications/resnet.py)."""
    statistics = sum(2 * node.output.channels for node in graph.nodes.values() if isinstance(node.op, BatchNorm))
    biases = sum(n.output.channels for n in numbers if n.type == "conv" and n.weights and not n.biases)
    if statistics and count.holds(parameters + statistics):
        yield (
            f"Keras also counts the {format_count(statistics)} running means and variances of batch normalisation: "
            f"{format_count(parameters + statistics)}"
        )
    elif statistics and biases and count.holds(parameters + statistics + biases):
        yield (
            f"Keras's network has {format_count(biases)} more biases, of convolutions, and counts the "
            f"{format_count(statistics)} running means and variances: {format_count(parameters + statistics + biases)}"
        )


def _part(name: str, count: Count, numbers: Sequence[LayerNumbers]) -> str | None:
    """Return a note on the part of the network that has a claimed count: all layers but one, all but the fully
    connected ones, or those that lead to one of several outputs."""
    counts = {n.name: _count(name, n) for n in numbers}
    total = sum(counts.values())
    without: dict[int, list[str]] = {}
    for layer, own in counts.items():
        if own and count.holds(total - own):
            without.setdefault(own, []).append(layer)
    last = next((layer for layer in reversed(counts) if counts[layer]), "")
    if 1 < len(without) <= MAX_ALIKE and last in without.get(counts[last], ()):
        without = {counts[last]: [last]}  # what is trained anew on other classes is most often left out
    if len(without) == 1:  # a rounded number may be that without each of many layers, which says nothing about it
        ((own, names),) = without.items()
        if len(names) <= MAX_ALIKE:
            rest = format_count(total - own)
            return f"without {' or '.join(names)}, which has {format_count(own)}, it has {rest}"
    connected = sum(counts[n.name] for n in numbers if n.type == "fc")
    if connected and count.holds(total - connected):
        rest = format_count(total - connected)
        return f"without its fully connected layers, which have {format_count(connected)}, it has {rest}"
    for output, whole in _of_outputs(counts, numbers):
        if whole and count.holds(whole):
            return f"the layers that lead to {output} have {format_count(whole)}"
    return None


def _in_1024s(name: str, count: Count, numbers: Sequence[LayerNumbers]) -> str | None:
    """Return a note on what has a claimed number of weights or parameters if a K is 1,024 of them, as in table 1 of
    Szegedy et al. (2015): GoogLeNet's 6,998,552 are 6,834K there, and so often said to be 6.8M."""
    if name not in ("weights", "parameters") or not count.letter:
        return None
    counts = {n.name: _count(name, n) for n in numbers}
    parts = {"it has": sum(counts.values())}
    parts |= {f"the layers that lead to {output} have": whole for output, whole in _of_outputs(counts, numbers)}
    for words, whole in parts.items():
        if count.holds(whole * 1000 // 1024):
            thousands = f"{format_count(whole // 1024)}K, if a K is 1,024 as in GoogLeNet's table 1"
            return f"{words} {format_count(whole)}: {thousands}"
    return None


def _of_outputs(counts: Mapping[str, int], numbers: Sequence[LayerNumbers]) -> Iterator[tuple[str, int]]:
    """Yield the outputs of a network with several, each with the sum of the counts of the layers that lead to it."""
    above = {n.name: n.inputs for n in numbers}
    outputs = above.keys() - {layer for inputs in above.values() for layer in inputs}
    for output in (layer for layer in above if layer in outputs and 1 < len(outputs) <= MAX_OUTPUTS):
        yield output, sum(counts[layer] for layer in _leading_to(output, above))


def _count(name: str, layer: LayerNumbers) -> int:
    return {"weights": layer.weights, "parameters": layer.parameters, "connections": layer.connections}.get(name, 0)


def _leading_to(output: str, above: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the names of an output and of all layers that it depends on."""
    found, waiting = {output}, [output]
    while waiting:
        for name in above[waiting.pop()]:
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found
