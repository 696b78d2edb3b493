"""Traps in the initial values of a network: the distributions of its weights, and its biases."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from netspec.check.facts import LayerFacts
from netspec.check.traps.strength import mean_square, strengths
from netspec.check.traps.warning import warning
from netspec.check.traps.zeros import starts_with_zeros, zeros
from netspec.diagnostics import Diagnostic
from netspec.formatting import format_count, format_number
from netspec.ir.distribution import Constant
from netspec.ir.graph import Graph, Node, Parameter
from netspec.ir.ops import Bias, Connected, CrossEntropy, Deconv, Local, Logistic, Product, Softmax, Tanh

_BIASED = (Connected, Bias)
_SATURATING = (Tanh, Logistic)

WEAKEST, STRONGEST = 1e-4, 1e4
"""Outputs of freshly initialised layers should lie between these; far outside, gradients vanish or overflow."""

MAX_INITIAL_SCORES = 50
"""Initial scores of this size make the first loss about 50 sqrt(2 ln(classes)), some forty times that of guessing among
ten classes. The networks of the literature begin with scores below 10."""


def signal(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about the first layer whose initial outputs are far too small or far too large."""
    roots, zero = strengths(graph), zeros(graph)
    for name, rms in roots.items():
        node = graph.nodes[name]
        if not isinstance(node.op, Connected) or WEAKEST <= rms <= STRONGEST:
            continue
        if rms < WEAKEST and name in zero.values and not (starts_with_zeros(graph, node) and name in zero.cut_off_by):
            continue
        weight = graph.parameters[node.params[0]]
        code, verb = ("signal-vanishes", "vanishes") if rms < WEAKEST else ("signal-explodes", "explodes")
        message = f"the signal {verb}: {node.layer} starts with outputs of about {_about(rms)}"
        before = roots[node.inputs[0]]
        notes = [
            f"it reads values of about {_about(before)} with weights from {weight.distribution}, "
            f"{format_count(_fan_in(weight, node))} a unit"
        ]
        if rms:
            kept = math.sqrt(mean_square(weight.distribution)) * before / rms
            notes.append(
                f"weights with a standard deviation of {_about(kept)} would give outputs as large as what it reads"
            )
        elif name in zero.values:
            notes.append(_why_dead(zero.cut_off_by[name]))
        yield warning(code, message, node, facts, ("init",), notes)
        return
    yield from _large_scores(graph, facts, roots)


def _why_dead(by: Node) -> str:
    """Say why a layer of zeros learns nothing."""
    if isinstance(by.op, Connected):
        return f"{by.layer} starts with zeros too and reads zeros: the gradients of both are 0, and neither ever learns"
    if isinstance(by.op, Product):
        return f"{by.layer} multiplies zeros with it: no gradient reaches it, and it never learns"
    return f"the activation function of {by.layer} has a slope of 0 at 0: no gradient reaches it, and it never learns"


def _large_scores(graph: Graph, facts: Mapping[str, LayerFacts], roots: Mapping[str, float]) -> Iterator[Diagnostic]:
    """Warn about a softmax whose initial scores are so large that it is sure of one class before any training."""
    for reader in graph.nodes.values():
        if not isinstance(reader.op, Softmax | CrossEntropy) or roots[reader.inputs[0]] <= MAX_INITIAL_SCORES:
            continue
        node = graph.nodes[reader.inputs[0]]
        pixels = roots[graph.input.name]
        notes = [
            f"{reader.layer} reads them and is certain of a random class from the start; with scores of about 1 it "
            "would not be",
            f"the network reads pixels of about {_about(pixels)}; "
            "range=1 and mean=image on the input line make them small",
        ]
        message = f"the scores start too large: {node.layer}'s are about {_about(roots[node.name])}"
        yield warning("signal-explodes", message, node, facts, ("init",), notes)
        return


def _about(value: float) -> str:
    """Format an estimate with three digits."""
    return format_number(float(f"{value:.3g}"))


def _fan_in(weight: Parameter, node: Node) -> int:
    """The number of weights of a unit; with a connection table, or in a transposed convolution, on average."""
    units = math.prod(weight.shape[: 3 if isinstance(node.op, Local) else 1])
    if isinstance(node.op, Deconv):
        units = node.output.channels * math.prod(node.op.window.stride)
    return round(weight.size / units)


def saturated_bias(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about a bias of 1, which suits ReLUs, before a tanh or logistic neuron, which it moves to its flat part."""
    for reader in graph.nodes.values():
        node = graph.nodes[reader.inputs[0]] if isinstance(reader.op, _SATURATING) else None
        if node is None or not isinstance(node.op, _BIASED):
            continue
        starts = [graph.parameters[key].distribution for key in node.params if graph.parameters[key].role == "bias"]
        for start in starts:
            if isinstance(start, Constant) and abs(start.value) >= 1:
                word = "tanh" if isinstance(reader.op, Tanh) else "logistic"
                message = f"{node.layer} starts with biases of {format_number(start.value)} before its {word}"
                notes = ["a bias of 1 is meant for ReLUs, to which it gives positive inputs; it saturates this neuron"]
                yield warning("saturating-bias", message, node, facts, ("bias", "neuron"), notes)
