"""Check the weights of classes against the network's scores, losses and updates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from netspec.check.facts import LayerFacts
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.diagnostics import Label
from netspec.formatting import format_count, plural
from netspec.ir.graph import Graph, Node
from netspec.ir.ops import BinaryCrossEntropy, CrossEntropy


class _Misfit(NamedTuple):
    """What the weights do not fit: a message, what is said at the layer, and a note."""

    message: str
    layer: str
    label: str
    note: str


def check_class_weights(graph: Graph, facts: Mapping[str, LayerFacts], settings: Settings, findings: Findings) -> None:
    """Report weights of classes that are not one for each class, or with which the network cannot be trained."""
    if graph.train.class_weights is None:
        return
    numbers = len(graph.train.class_weights) if isinstance(graph.train.class_weights, tuple) else None
    misfit = next(_misfits(graph, facts, numbers), None)
    if misfit is not None:
        labels = (Label(facts[misfit.layer].section.name.span, misfit.label),)
        findings.add(
            "class-weights",
            misfit.message,
            settings.pairs("train")["class_weights"].span,
            notes=(misfit.note,),
            labels=labels,
        )


def _misfits(graph: Graph, facts: Mapping[str, LayerFacts], weights: int | None) -> Iterator[_Misfit]:
    """Yield what ``weights`` numbers do not fit; ``None``: as many as there are classes."""
    for node in graph.losses:
        if not isinstance(node.op, CrossEntropy):
            kind = facts[node.layer].type
            message = f"class_weights are those of a cross-entropy, and {node.layer} is a {kind}"
            yield _Misfit(message, node.layer, "this loss has no weights of classes", _why_not(node))
    for node in tuple(graph.nodes[loss.inputs[0]] for loss in graph.losses) or (graph.scores,):
        classes = node.output.channels
        if weights is not None and classes != weights:
            has = f"{node.layer} has the scores of {plural(classes, 'class')}"
            message = f"class_weights has {plural(weights, 'number')}, and {has}"
            note = "each class has a number, in the order of the scores; 1 leaves a class as it is"
            yield _Misfit(message, node.layer, f"{format_count(classes)} scores", note)
    for parameter in graph.parameters.values():
        if parameter.update_every:
            message = (
                f"class_weights are divided by their sum over a batch, and {parameter.layer} is updated within one"
            )
            note = "leave update_every= out: the parts of a batch count by the weights of their classes"
            yield _Misfit(message, parameter.layer, "it has update_every=", note)


def _why_not(node: Node) -> str:
    if isinstance(node.op, BinaryCrossEntropy):
        return "its positive= is how much the class of an image counts against the others"
    return "without a loss in the file, netspec minimises the cross-entropy of the class scores"
