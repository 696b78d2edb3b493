"""Losses as cost sections, and the data sections of the labels that they read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netspec.formatting import format_literal
from netspec.ir import ops
from netspec.ir.graph import Layer

from .sections import Part, Section, Value, listed
from .site import Draft, Site

_INDEX, _ONE_HOT = "1", "2"
"""``dataIdx`` of the labels: as a class number, and as a one-hot vector."""
_TOP_K = 5


def add_cost(draft: Draft, layer: Layer) -> None:
    """Add the sections of a loss layer."""
    op = draft.graph.nodes[layer.nodes[-1]].op
    _COSTS[type(op)](Site(draft, layer, draft.name(layer.name)), op)


_OF_PIXELS = "cuda-convnet's labels are the classes of images, and these scores are maps, of the classes of pixels"


def _cross_entropy(site: Site, op: ops.CrossEntropy) -> None:
    if site.draft.graph.layers[site.layer.inputs[0]].output.is_image:
        raise site.error(_OF_PIXELS)
    softmax = _softmax_of(site.draft, site.layer.inputs[0]) or _add_intermediate(site, "softmax", {})
    _logreg(site, softmax, op.weight)


def _binary_cross_entropy(site: Site, op: ops.BinaryCrossEntropy) -> None:
    old = site.draft.old
    if op.positive != 1 and old:
        site.error("the costs of 2012 have no weights of classes", "positive", instead=("positive=1", "--dialect v2"))
    if op.of == "probabilities":
        probabilities = site.single()
    else:
        input_name = site.layer.inputs[0]
        logistic = _section_applying(site.draft, input_name, ops.Logistic)
        probabilities = logistic or _add_intermediate(site, "neuron", {"neuron": "logistic"})
    positive = {"posWeight": format_literal(op.positive)} if op.positive != 1 else {}
    labels = _labels(site.draft, _ONE_HOT)
    _cost(site, "cost.crossent2" if old else "cost.bce", (labels, probabilities), op.weight, **positive)


def _sum_of_squares(site: Site, op: ops.SumSquares) -> None:
    if op.gate == "class":
        _require_2012(site, "cost.gsum2", "gate=none")
        _cost(site, "cost.gsum2", (_labels(site.draft, _INDEX), site.single()), op.weight)
    else:
        _cost(site, "cost.sum2", (site.single(),), op.weight)


def _gated_sum_of_squares(site: Site, op: ops.GatedSumSquares) -> None:
    _require_2012(site, "cost.gsum2", "sumsquares")
    _cost(site, "cost.gsum2", (site.single(), site.single(1)), op.weight)


def _set_cross_entropy(site: Site, op: ops.SetCrossEntropy) -> None:
    _require_2012(site, "cost.msm", "crossentropy")
    inputs = (_labels(site.draft, _INDEX), site.single())
    _cost(site, "cost.msm", inputs, op.weight, setSize=str(op.size), threads="1")


def _topographic(site: Site, op: ops.Topographic) -> None:
    _require_2012(site, "cost.tica", "sumsquares")
    channels, _ = site.square_maps()
    _cost(site, "cost.tica", (site.single(),), op.weight)
    site.draft.sections[-1].keys |= {"channels": str(channels), "sizeX": str(op.size)}


def _cauchy_error(site: Site, op: ops.CauchyError) -> None:
    _require_2012(site, "cost.rflickr", "squarederror")
    _cost(site, "cost.rflickr", (_labels(site.draft, _ONE_HOT), site.single()), op.weight)


def _squared_error(site: Site, op: ops.SquaredError) -> None:
    """Add a section for the difference from the labels, and a cost that sums its squares."""
    draft, layer, coefficients = site.draft, site.layer, {"coeffs": "1,-1"}
    parts = (site.single(), _labels(draft, _ONE_HOT))
    keys = {"type": "eltsum", "inputs": listed(p.name for p in parts)}
    section = Section(draft.name(f"{layer.name}-difference"), layer.name, keys)
    (section.keys if draft.old else section.params).update(coefficients)
    section.keys |= site.gpu_key(parts[0].gpu)
    _cost(site, "cost.sum2", (draft.add(section, parts[0].shape, site.gpu),), op.weight)


_COSTS: Mapping[type[ops.Op], Callable[[Site, Any], None]] = {
    ops.CrossEntropy: _cross_entropy,
    ops.BinaryCrossEntropy: _binary_cross_entropy,
    ops.SumSquares: _sum_of_squares,
    ops.GatedSumSquares: _gated_sum_of_squares,
    ops.SetCrossEntropy: _set_cross_entropy,
    ops.Topographic: _topographic,
    ops.CauchyError: _cauchy_error,
    ops.SquaredError: _squared_error,
}


def _require_2012(site: Site, cost: str, other: str) -> None:
    """Report a cost that version 2 lacks, and suggest the loss ``other``."""
    if not site.draft.old:
        site.error(f"version 2 has no {cost}", instead=(other, "--dialect 2012"))


def add_default_cost(draft: Draft) -> None:
    """Add the cost with which a spec without a loss is trained: the cross-entropy of its scores."""
    graph = draft.graph
    scores = graph.scores.layer
    last = graph.layers[graph.output.layer]
    softmax = _softmax_of(draft, scores)
    site = Site(draft, last, draft.name("logprob"))
    if graph.is_dense:
        site.error(_OF_PIXELS)
        return
    if softmax is None:
        scores_part = _joined_value(draft, last)
        section = Section(draft.name("probs"), last.name, {"type": "softmax", "inputs": scores_part.name})
        softmax = draft.add(section, last.output, scores_part.gpu)
    _logreg(site, softmax, 1.0)


def _joined_value(draft: Draft, layer: Layer) -> Part:
    """Return the section that has a layer's whole value, concatenated from its GPUs' shares if need be."""
    reader = Layer(layer.name, "softmax", (layer.name,), (), layer.output, layer.placement, "own")
    return Site(draft, reader, layer.name).single()


def _logreg(site: Site, softmax: Part, weight: float) -> None:
    params = {"topk": str(_TOP_K)} if softmax.shape.units > _TOP_K else {}
    _cost(site, "cost.logreg", (_labels(site.draft, _INDEX), softmax), weight, **params)


def _cost(site: Site, type_: str, inputs: tuple[Part, ...], weight: float, **params: str) -> None:
    keys = {"type": type_, "inputs": listed(part.name for part in inputs), "gpu": listed(inputs[-1].gpu)}
    section = Section(site.name, site.layer.name, keys, {"coeff": format_literal(weight), **params})
    site.draft.sections.append(section)


def _add_intermediate(site: Site, type_: str, keys: dict[str, str]) -> Part:
    """Add a softmax or a neuron between a loss and its input."""
    part = site.single()
    name = site.draft.name(f"{site.layer.name}-{keys.get('neuron', type_)}")
    section = Section(name, site.layer.name, {"type": type_, "inputs": part.name, **keys})
    return site.draft.add(section, part.shape, part.gpu)


def _softmax_of(draft: Draft, input_name: str) -> Part | None:
    return _section_applying(draft, input_name, ops.Softmax)


def _section_applying(draft: Draft, input_name: str, op: type[ops.Softmax | ops.Logistic]) -> Part | None:
    """Return the section of a layer that applies only this operation to the layer ``input_name``, or ``None``."""
    for layer in draft.graph.layers.values():
        applies = (
            layer.inputs == (input_name,)
            and len(layer.nodes) == 1
            and isinstance(draft.graph.nodes[layer.nodes[0]].op, op)
        )
        if applies and layer.name in draft.values and len(draft.values[layer.name].parts) == 1:
            return draft.values[layer.name].parts[0]
    return None


def _labels(draft: Draft, index: str) -> Part:
    """Return the section of the labels. The first call adds it after the section of the images."""
    name = "labels" if index == _INDEX else "labels-one-hot"
    value = draft.values.get(f"#{name}")
    if value is None:
        part = Part(draft.name(name), draft.graph.input.output, ())
        section = Section(part.name, draft.graph.input.layer, {"type": "data", "dataIdx": index})
        draft.sections.insert(1, section)
        value = draft.values[f"#{name}"] = Value((part,))
    return value.parts[0]
