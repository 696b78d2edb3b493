"""How a module differs between the modes, but for dropout and the statistics of batches, and between batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from hashlib import sha256

from netspec.importers.operators.graph import dropouts
from netspec.importers.operators.graph.model import Model, Node, needed
from netspec.importers.operators.graph.patterns import recognised


def computes_same(trained: Model, tested: Model) -> bool:
    """Whether the first outputs in training mode are the outputs in evaluation mode."""
    count = len(tested.outputs)
    return len(trained.outputs) >= count and _steps(trained, count) == _steps(tested, count)


def counting(model: Model, other: Model) -> tuple[Node, ...]:
    """Return the operators of a graph that compute with other numbers in one of another number of images."""
    pairs = zip(model.nodes, other.nodes, strict=False)
    return tuple(a for a, b in pairs if a.op == b.op and _numbers(model, a) != _numbers(other, b))


def _numbers(model: Model, node: Node) -> list[Hashable]:
    return [_constant(model, name) for name in node.inputs if name in model.tensors]


def only_in_training(trained: Model, tested: Model) -> tuple[Node, ...]:
    """Return the operators that training mode has in addition, by their names and modules."""
    rest = Counter((node.operator, node.module) for node in tested.nodes)
    nodes = []
    for node in trained.nodes:
        if rest[node.operator, node.module] > 0:
            rest[node.operator, node.module] -= 1
        else:
            nodes.append(node)
    return tuple(nodes)


def _steps(model: Model, count: int) -> list[Hashable]:
    """Return what computes the first outputs, without dropout, in a form that is the same for the same function."""
    model = recognised(model, dropouts.PATTERNS)
    outputs = model.outputs[:count]
    numbers: dict[str, Hashable] = {model.input: model.input, "": ""}
    steps: list[Hashable] = []
    for node in needed(model.nodes, outputs):
        inputs = tuple(_constant(model, name) if name in model.tensors else numbers[name] for name in node.inputs)
        if node.op == "Dropout":
            numbers[node.outputs[0]] = inputs[0]
            continue
        steps.append((node.op, inputs, repr(sorted(node.attributes.items()))))
        numbers |= {name: (len(steps), place) for place, name in enumerate(node.outputs)}
    return [*steps, tuple(numbers.get(name, name) for name in outputs)]


def _constant(model: Model, name: str) -> Hashable:
    """Return what is the same for the same constant: a parameter's name, as both modes have it; else the values, which
    may be computed from parameters otherwise in training."""
    tensor = model.tensors[name]
    return name if name.startswith("p:") else (tensor.shape, sha256(tensor.read().tobytes()).digest())
