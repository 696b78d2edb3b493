"""Fixes for branches of different shapes that meet: another input, other windows or filters, or a projection."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from netspec.check import Checked, LayerFacts
from netspec.check.mismatch import MAX_LABELS, odd_shapes
from netspec.diagnostics import Diagnostic
from netspec.ir.shape import Shape
from netspec.ir.window import Window
from netspec.keys.texts import pad as pad_text
from netspec.solve import inserted
from netspec.solve.edits import propose_keys
from netspec.solve.trial import Bench, Proposal
from netspec.solve.windows import padding
from netspec.solve.windows.sizes import layer_window, output_size

MAX_ABOVE = 12
"""How many layers of a branch are followed upwards to find where it begins."""

_JOINS = ("sum", "concat", "max", "product")


def of_branches(mistake: Diagnostic, facts: LayerFacts, bench: Bench) -> Iterator[Proposal]:
    """Yield changes that might give all inputs of a joining layer the same shape.

    For each input with a different shape, these are another input of its branch, then other keys of the branch's layers
    from the last one up, and, if the branch has no layers of its own, a projection. A product can also multiply maps by
    one unit each, which a pooling of whole maps gives.
    """
    if not mistake.labels:
        return  # it is about the inputs of a layer with weights, not about branches that meet
    if not facts.reads:
        return  # two layers have this name, and the mistake is the other one's
    checked = bench.checked
    odd = odd_shapes(facts.reads, multiplied=facts.type == "product")
    for n, target in reversed([*odd.items()][-MAX_LABELS:]):
        others = [number for i, number in enumerate(facts.inputs) if i != n]
        branch = _branch(checked, facts.inputs[n], others)
        yield from _other_input(checked, branch)
        for layer in branch:
            if facts.type == "product" and layer.type in ("avgpool", "maxpool"):
                yield propose_keys(checked, layer, {"kernel": "global"}, "gives one unit for each channel")
            yield from _resized(checked, layer, target)
            if facts.type != "concat":
                yield from _refiltered(checked, layer, target)
        if not branch and facts.type == "sum" and _has_windows(checked, others[0], facts.inputs[n]):
            yield from inserted.projection(checked, facts, n, target)


def _branch(checked: Checked, number: int, others: Sequence[int]) -> list[LayerFacts]:
    """The layers on the path to a layer that are not on the paths to ``others``, the last one first."""
    shared: set[int] = set()
    for other in others:
        shared.update(itertools.takewhile(lambda above: above not in shared, _above(checked, other)))
    return [checked.layers[i] for i in itertools.takewhile(lambda i: i not in shared, _above(checked, number))]


def _above(checked: Checked, number: int) -> Iterator[int]:
    """Yield the index of a layer and of those above it, following first inputs."""
    yield number
    while checked.layers[number].inputs:
        number = checked.layers[number].inputs[0]
        yield number


def _resized(checked: Checked, layer: LayerFacts, target: Shape) -> Iterator[Proposal]:
    """Yield changes of a layer's padding that keep its input's size, and of its stride that give the ``target`` one."""
    window = layer_window(layer)
    if window is None or layer.computed is None or not layer.computed.is_image:
        return
    yield from padding.keeping_size(checked, layer)
    (x,) = layer.reads
    stride = max(1, round(x.height / target.height))
    if stride != window.stride[0]:
        strided = replace(window, stride=(stride, stride))
        for pad in (None, padding.same_size_pad_of(replace(window, stride=(1, 1)))):
            keys = {"stride": str(stride)} | ({"pad": pad_text(pad)} if pad is not None else {})
            yield propose_keys(checked, layer, keys, _gives(strided, x) if pad is None else "")


def _gives(window: Window, x: Shape) -> str:
    size = output_size(window, x)
    return f"gives {size[0]}x{size[1]}" if size else ""


def _refiltered(checked: Checked, layer: LayerFacts, target: Shape) -> Iterator[Proposal]:
    for key in ("filters", "outputs"):
        if key in layer.pairs and layer.values.get(key) != target.channels:
            yield propose_keys(checked, layer, {key: str(target.channels)})


def _other_input(checked: Checked, branch: Sequence[LayerFacts]) -> Iterator[Proposal]:
    """Propose another input for a branch whose first layer reads the layer above it, which ends another branch.

    It may be meant to read what the other branch begins with: the layer that the other branch's first layer names in
    ``inputs=``, or the last layer above that joins branches.
    """
    if not branch or "inputs" in branch[-1].pairs or not branch[-1].inputs:
        return
    head, end = branch[-1].name, checked.layers[branch[-1].inputs[0]]
    for number in itertools.islice(_above(checked, branch[-1].inputs[0]), MAX_ABOVE):
        layer = checked.layers[number]
        start = layer if layer is not end and layer.type in _JOINS else None
        if "inputs" in layer.pairs and layer.inputs:
            start = start or checked.layers[layer.inputs[0]]
        if start is not None:
            gives = f"{head} reads {end.name} now, the layer above"
            yield propose_keys(checked, branch[-1], {"inputs": start.name}, gives)
            return


def _has_windows(checked: Checked, number: int, start: int) -> bool:
    """Whether the branch from layer ``start`` to layer ``number`` has windows other than 1x1."""
    windows = (layer_window(layer) for layer in _branch(checked, number, [start]))
    return any(window is not None and window.kernel != (1, 1) for window in windows)
