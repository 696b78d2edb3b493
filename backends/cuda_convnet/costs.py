"""Losses as costs, with the labels that they read."""

from __future__ import annotations

from netspec.ir.graph import Layer
from netspec.ir.ops import (
    BinaryCrossEntropy,
    CauchyError,
    CrossEntropy,
    GatedSumSquares,
    Logistic,
    Loss,
    SetCrossEntropy,
    Softmax,
    SumSquares,
    Topographic,
)
from netspec.units import literal

from .sections import Part, Section, Value, listed
from .site import Draft, Site

_INDEX, _ONE_HOT = "1", "2"
"""``dataIdx`` of the labels: the class's number, and a vector with a one at its place."""
_TOP = 5


def add_cost(draft: Draft, layer: Layer) -> None:
    """A loss of the spec."""
    op = draft.graph.nodes[layer.nodes[-1]].op
    assert isinstance(op, Loss)
    site = Site(draft, layer, draft.name(layer.name))
    read = layer.inputs[0]
    if isinstance(op, CrossEntropy):
        _logreg(site, _softmax_of(draft, read) or _apart(site, "softmax", {}), op.weight)
    elif isinstance(op, BinaryCrossEntropy):
        type_ = "cost.crossent2" if draft.old else "cost.bce"
        if op.positive != 1 and draft.old:
            site.cannot_say("the costs of 2012 weigh no class more", "positive", instead=("positive=1", "--dialect v2"))
        if op.of == "probabilities":
            made = site.one()
        else:
            made = _over(draft, read, Logistic) or _apart(site, "neuron", {"neuron": "logistic"})
        positive = {"posWeight": literal(op.positive)} if op.positive != 1 else {}
        _cost(site, type_, (_labels(draft, _ONE_HOT), made), op.weight, **positive)
    elif isinstance(op, SumSquares) and op.gate == "class":
        _of_2012(site, "cost.gsum2", "gate=none")
        _cost(site, "cost.gsum2", (_labels(draft, _INDEX), site.one()), op.weight)
    elif isinstance(op, SumSquares):
        _cost(site, "cost.sum2", (site.one(),), op.weight)
    elif isinstance(op, SetCrossEntropy):
        _of_2012(site, "cost.msm", "crossentropy")
        sets = {"setSize": str(op.size), "threads": "1"}
        _cost(site, "cost.msm", (_labels(draft, _INDEX), site.one()), op.weight, **sets)
    elif isinstance(op, GatedSumSquares):
        _of_2012(site, "cost.gsum2", "sumsquares")
        _cost(site, "cost.gsum2", (site.one(), site.one(1)), op.weight)
    elif isinstance(op, Topographic):
        _of_2012(site, "cost.tica", "sumsquares")
        channels, _ = site.square()
        _cost(site, "cost.tica", (site.one(),), op.weight)
        draft.sections[-1].keys |= {"channels": str(channels), "sizeX": str(op.size)}
    elif isinstance(op, CauchyError):
        _of_2012(site, "cost.rflickr", "squarederror")
        _cost(site, "cost.rflickr", (_labels(draft, _ONE_HOT), site.one()), op.weight)
    else:
        coefficients = {"coeffs": "1,-1"}
        parts = (site.one(), _labels(draft, _ONE_HOT))
        keys = coefficients if draft.old else {}
        name = draft.name(f"{layer.name}-difference")
        section = Section(name, layer.name, {"type": "eltsum", "inputs": listed(p.name for p in parts), **keys})
        section.params |= {} if draft.old else coefficients
        section.keys |= site.place(parts[0].gpu)
        _cost(site, "cost.sum2", (draft.add(section, parts[0].shape, site.gpu),), op.weight)


def _of_2012(site: Site, cost: str, other: str) -> None:
    """Report a cost that version 2 has not, and another loss that would do."""
    if not site.draft.old:
        site.cannot_say(f"version 2 has no {cost}", instead=(other, "--dialect 2012"))


def usual_cost(draft: Draft) -> None:
    """What a spec without a loss is trained with: the cross-entropy of its scores."""
    graph = draft.graph
    scores = graph.scores.layer
    last = graph.layers[graph.output.layer]
    made = _softmax_of(draft, scores)
    site = Site(draft, last, draft.name("logprob"))
    if made is None:
        section = Section(draft.name("probs"), last.name, {"type": "softmax", "inputs": _whole(draft, last).name})
        made = draft.add(section, last.output, _whole(draft, last).gpu)
    _logreg(site, made, 1.0)


def _whole(draft: Draft, layer: Layer) -> Part:
    """A layer's value in one section."""
    reader = Layer(layer.name, "softmax", (layer.name,), (), layer.output, layer.placement, "own")
    return Site(draft, reader, layer.name).one()


def _logreg(site: Site, made: Part, weight: float) -> None:
    params = {"topk": str(_TOP)} if made.shape.units > _TOP else {}
    _cost(site, "cost.logreg", (_labels(site.draft, _INDEX), made), weight, **params)


def _cost(site: Site, type_: str, reads: tuple[Part, ...], weight: float, **params: str) -> None:
    keys = {"type": type_, "inputs": listed(part.name for part in reads), "gpu": listed(reads[-1].gpu)}
    section = Section(site.name, site.layer.name, keys, {"coeff": literal(weight), **params})
    site.draft.sections.append(section)


def _apart(site: Site, type_: str, keys: dict[str, str]) -> Part:
    """A section between the loss and what it reads."""
    read = site.one()
    name = site.draft.name(f"{site.layer.name}-{keys.get('neuron', type_)}")
    section = Section(name, site.layer.name, {"type": type_, "inputs": read.name, **keys})
    return site.draft.add(section, read.shape, read.gpu)


def _softmax_of(draft: Draft, read: str) -> Part | None:
    return _over(draft, read, Softmax)


def _over(draft: Draft, read: str, op: type[Softmax | Logistic]) -> Part | None:
    """The section of a layer that is nothing but this operation over a value."""
    for layer in draft.graph.layers.values():
        same = (
            layer.inputs == (read,) and len(layer.nodes) == 1 and isinstance(draft.graph.nodes[layer.nodes[0]].op, op)
        )
        if same and layer.name in draft.values and len(draft.values[layer.name].parts) == 1:
            return draft.values[layer.name].parts[0]
    return None


def _labels(draft: Draft, index: str) -> Part:
    """The labels, which stand behind the images."""
    name = "labels" if index == _INDEX else "labels-one-hot"
    value = draft.values.get(f"#{name}")
    if value is None:
        part = Part(draft.name(name), draft.graph.input.output, ())
        section = Section(part.name, draft.graph.input.layer, {"type": "data", "dataIdx": index})
        draft.sections.insert(1, section)
        value = draft.values[f"#{name}"] = Value((part,))
    return value.parts[0]
