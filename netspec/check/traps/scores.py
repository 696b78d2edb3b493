"""Traps in the use of the class scores, and in the losses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.check.facts import LayerFacts
from netspec.check.traps.warning import warning
from netspec.diagnostics import Diagnostic, Fix
from netspec.diagnostics.fixes import insertion
from netspec.formatting import format_count
from netspec.ir.graph import Graph, Node
from netspec.ir.ops import CrossEntropy, Dropout, Loss, NoisyRelu, Relu, Relu6, SetCrossEntropy, Softmax


def relu_on_scores(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about a ReLU between the layer that makes the class scores and the softmax or loss that reads them."""
    for node in graph.nodes.values():
        if _reads_scores(node):
            source = graph.nodes[node.inputs[0]]
            while isinstance(source.op, Dropout):
                source = graph.nodes[source.inputs[0]]
            if isinstance(source.op, Relu | Relu6 | NoisyRelu):
                message = f"{source.layer} cuts its class scores off at 0 before {node.layer}"
                notes = ["scores below 0 all become equal, and their classes get no gradient"]
                yield warning("relu-on-scores", message, source, facts, ("neuron",), notes)


def softmax_twice(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about a cross-entropy, which applies a softmax itself, that reads a softmax."""
    for node in graph.nodes.values():
        if isinstance(node.op, CrossEntropy) and isinstance(graph.nodes[node.inputs[0]].op, Softmax):
            softmax = node.inputs[0]
            message = f"{node.layer} applies a softmax of its own to {softmax}, which is one already"
            notes = [f"let it read what {softmax} reads: inputs={graph.layers[softmax].inputs[0]}"]
            yield warning("softmax-twice", message, node, facts, ("inputs",), notes)


def sets_of_all(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about a cross-entropy over sets of classes if each set contains all classes."""
    for node in graph.nodes.values():
        if isinstance(node.op, SetCrossEntropy) and node.op.size == (classes := graph.shapes(node)[0].units):
            message = f"{node.layer} is 0 whatever the scores are: its sets have all {format_count(classes)} classes"
            notes = ["the image's class is in a set of all with probability 1, and -log 1 = 0; a smaller size is meant"]
            yield warning("no-effect", message, node, facts, ("size",), notes)


def dropout_on_scores(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about dropout applied to the class scores."""
    dropouts = [node for node in graph.nodes.values() if isinstance(node.op, Dropout)]
    readers = graph.readers() if dropouts else {}
    *_, output = graph.nodes.values()
    for node in dropouts:
        after = readers[node.name]
        # A layer that nothing reads and that is not the last one has a warning of its own.
        if all(_reads_scores(r) for r in after) if after else node is output:
            message = f"{node.layer} drops the network's own outputs"
            notes = ["a class score that is 0 by chance is a wrong answer; dropout belongs between layers"]
            yield warning("dropout-on-scores", message, node, facts, (), notes)


def _reads_scores(node: Node) -> bool:
    return isinstance(node.op, Softmax) or (isinstance(node.op, Loss) and node.op.labelled)


def no_class_loss(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about losses that ignore the classes, in a network with class scores that no loss depends on.

    An autoencoder's losses ignore the classes too, but they depend on all of its weights.
    """
    losses = graph.losses
    if not losses or any(isinstance(node.op, Loss) and node.op.knows_classes for node in losses):
        return
    softmaxes = [node for node in graph.nodes.values() if isinstance(node.op, Softmax)]
    answer = softmaxes[-1] if softmaxes else graph.output
    beside = graph.dependencies((answer,)) - graph.dependencies(losses)
    if answer.output.is_image or isinstance(answer.op, Loss) or answer.name not in beside:
        return
    if not softmaxes and not any(graph.nodes[name].params for name in beside):
        return
    first, scores = losses[0], graph.scores.layer
    message = f"{first.layer} replaces the cross-entropy, and no loss in the file reads the classes of the images"
    notes = [
        f"without a loss in the file, netspec minimises the cross-entropy of {scores}; with one, only its losses",
    ]
    yield warning("no-class-loss", message, first, facts, (), notes, [_class_loss(scores, facts)])


def _class_loss(scores: str, facts: Mapping[str, LayerFacts]) -> Fix:
    """Return the fix that adds a cross-entropy above the last softmax, which still reads the scores, or at the end."""
    name = next(n for n in ("loss", *(f"loss{i}" for i in range(2, len(facts) + 2))) if n not in facts)
    line = f"[{name}] crossentropy inputs={scores}"
    sections = [layer.section for layer in facts.values()]
    softmax = next((s for s in sections[::-1] if facts[s.name.text].type == "softmax"), None)
    if softmax is None:
        source = sections[0].span.source
        line_break = "" if source.text.endswith(("\n", "\r")) else source.newline
        return Fix(f"add {line}", (insertion(source, len(source.text), f"{line_break}{line}{source.newline}"),))
    source = softmax.span.source
    edits = [insertion(source, softmax.span.start, f"{line}{source.newline}")]
    if not any(pair.key.text == "inputs" for pair in softmax.pairs):
        word = softmax.values[0].span
        edits.append(insertion(word.source, word.end, f" inputs={scores}"))
    return Fix(f"add {line} above {softmax.name.text}", tuple(edits))
