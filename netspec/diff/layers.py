"""Find the differences between the layers of two networks."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diff.effects import computing_keys, explanation, factor_note
from netspec.diff.facts import PREPARATION_KEYS, TRAINING_KEYS, description, layer_facts, main_nodes
from netspec.diff.matched import Matched
from netspec.diff.model import Costs, Difference, Effect, LayerDifference, Side, gravest
from netspec.ir.graph import Graph, Layer

_PLACEMENT_KEYS = ("gpu", "reads")


def layer_differences(matched: Matched) -> tuple[LayerDifference, ...]:
    """Return every layer that differs in itself, in its shape or in its cost."""
    differing = []
    for x, y in matched.in_order():
        sides = _side(matched, 0, x), _side(matched, 1, y)
        layer = LayerDifference(*sides, tuple(_differences(matched, x, y)))
        if layer.differences or layer.costs_differ:
            differing.append(layer)
    return tuple(differing)


def _differences(matched: Matched, x: str | None, y: str | None) -> Iterator[Difference]:
    if x is None or y is None:
        yield _unpaired(matched, x, y)
        return
    if x != y:
        weights = matched.nets[0][x].parameters > 0
        yield Difference("renamed", "", x, y, "nothing", "its weights' names and first draws change" if weights else "")
    if x in matched.moved and (moved := _moved(matched, x, y)):
        yield moved
    if matched.layer(0, x).type != matched.layer(1, y).type:
        yield _replaced(matched, x, y)
    else:
        yield from _changed_keys(matched, x, y)
    yield from _changed_wiring(matched, x, y)


def _unpaired(matched: Matched, x: str | None, y: str | None) -> Difference:
    """Describe a layer that only one of the networks has."""
    side, name = (0, x) if x is not None else (1, y)
    assert name is not None
    graph, above = matched.graphs[side], matched.above(side, name)
    place = f", after {above}" if above else ", first"
    text = description(graph, graph.layers[name]) + place
    effect = matched.greatest_effect(x, y) if matched.computes(side, name) else matched.chain_effect(x, y)
    if name == matched.forms[side].reader_of_scores:
        effect = gravest(effect, matched.source_effect(x, y))
    op = graph.nodes[graph.layers[name].nodes[0]].op
    if x is not None:
        return Difference("removed", "", text, "", effect, factor_note(op, None))
    return Difference("added", "", "", text, effect, factor_note(None, op))


def _moved(matched: Matched, x: str, y: str) -> Difference | None:
    """Describe a layer that has moved, or return ``None`` if the layer above it has moved with it."""
    before, after = matched.above(0, x), matched.above(1, y)
    if before is not None and matched.pairs.get(before) == after:
        return None
    effect = gravest(matched.source_effect(x, y), matched.chain_effect(x, y))
    return Difference("moved", "", before or "", after or "", effect)


def _replaced(matched: Matched, x: str, y: str) -> Difference:
    """Describe a layer that has another type."""
    old, new = description(*_layer(matched, 0, x)), description(*_layer(matched, 1, y))
    core = matched.greatest_effect(x, y) if (x, y) in matched.verdict.cores else "nothing"
    return Difference("replaced", "", old, new, gravest(core, matched.chain_effect(x, y)))


def _changed_keys(matched: Matched, x: str, y: str) -> Iterator[Difference]:
    """Yield the keys with different values."""
    facts = [layer_facts(*_layer(matched, side, name), by_gpu=matched.by_gpu) for side, name in enumerate((x, y))]
    keys = [key for key in facts[0] if key in facts[1] and not facts[0][key].same(facts[1][key])]
    pair = matched.pair(x, y)
    computing = computing_keys(pair, [k for k in keys if k not in (*TRAINING_KEYS, *PREPARATION_KEYS, "neuron", "gpu")])
    for key in keys:
        texts = facts[0][key].text, facts[1][key].text
        effect = _effect(matched, (x, y), key, texts, computes=key in computing)
        yield Difference("changed", key, *texts, effect, explanation(pair, key, effect))


def _effect(matched: Matched, names: tuple[str, str], key: str, texts: tuple[str, str], *, computes: bool) -> Effect:
    """The effect of a changed key. ``computes`` says whether it changes what an operation computes."""
    greatest = matched.greatest_effect(*names)
    if key in _PLACEMENT_KEYS and not computes:
        return "placement"
    if key == "neuron" or not any(matched.computes(side, name) for side, name in enumerate(names)):
        return matched.chain_effect(*names)
    if computes or key in PREPARATION_KEYS or (key == "bias" and "none" in texts):
        return greatest
    return "training" if key in TRAINING_KEYS and greatest != "nothing" else "nothing"


def _changed_wiring(matched: Matched, x: str, y: str) -> Iterator[Difference]:
    """Yield differences in what a layer reads and whose weights it has, unless they follow from the order of layers."""
    inputs = matched.layer(0, x).inputs, matched.layer(1, y).inputs
    layers_above = matched.above(0, x), matched.above(1, y)
    same = len(inputs[0]) == len(inputs[1]) and all(
        matched.pairs.get(p) == q or (p == layers_above[0] and q == layers_above[1])
        for p, q in zip(*inputs, strict=True)
    )
    if not same:
        texts = ",".join(inputs[0]), ",".join(inputs[1])
        effect = gravest(matched.source_effect(x, y), matched.chain_effect(x, y))
        yield Difference("changed", "inputs", *texts, "nothing" if _reordered(matched, x, y) else effect)
    p, q = _owner(matched, 0, x), _owner(matched, 1, y)
    if p and q and matched.pairs.get(p) != q:
        texts = "its own" if p == x else p, "its own" if q == y else q
        yield Difference("changed", "weights", *texts, matched.greatest_effect(x, y))


def _reordered(matched: Matched, x: str, y: str) -> bool:
    """Whether two layers read the same layers in another order, which changes nothing that they compute."""
    cores = (*matched.forms[0].cores[x], *matched.forms[1].cores[y])
    read = sorted(matched.pairs.get(p, "") for p in matched.layer(0, x).inputs)
    return bool(cores) and not any(core.ordered for core in cores) and read == sorted(matched.layer(1, y).inputs)


def _layer(matched: Matched, side: int, name: str) -> tuple[Graph, Layer]:
    return matched.graphs[side], matched.layer(side, name)


def _owner(matched: Matched, side: int, name: str) -> str | None:
    """The layer that owns a layer's weights, usually itself, or ``None`` if it has no weights."""
    graph = matched.graphs[side]
    keys = (key for node in main_nodes(*_layer(matched, side, name)) for key in graph.nodes[node.name].params)
    return next((graph.parameters[key].layer for key in keys if graph.parameters[key].role == "weight"), None)


def _side(matched: Matched, side: int, name: str | None) -> Side | None:
    if name is None:
        return None
    numbers = matched.nets[side][name]
    costs = Costs(numbers.units, numbers.weights, numbers.biases, numbers.connections, numbers.activation_bytes(1))
    return Side(name, numbers.type, numbers.output, costs)
