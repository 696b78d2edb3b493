"""Costs, which training minimises. They have no output."""

from __future__ import annotations

from netspec.importers.cuda_convnet.layers.kinds import ONE, ONLY_2012, ONLY_V2, TWO, Kind, Site, table
from netspec.importers.cuda_convnet.layers.model import UNKNOWN, Layer


def _over_softmax(site: Site, word: str) -> Layer:
    """Define a cost that reads labels and a softmax."""
    labels, softmax = site.inputs
    if word == "cost.logreg" and labels.outputs not in (1, UNKNOWN):
        raise site.options.refuse(
            "wrong-inputs", f"its first input is the labels, one number; {labels.name} has {labels.outputs}", "inputs"
        )
    if softmax.type != "softmax":
        raise site.options.refuse(
            "wrong-inputs", f"its second input is a softmax; {softmax.name} is of type {softmax.type}", "inputs"
        )
    return _cost(site, word)


def _cost(site: Site, word: str) -> Layer:
    _children(site, word)
    return site.layer(word, 0)


def _compared(site: Site, word: str) -> Layer:
    """Define a cost that compares each label with a prediction."""
    labels, predictions = site.inputs
    if labels.outputs not in (predictions.outputs, UNKNOWN):
        message = f"{labels.name} has {labels.outputs} numbers, {predictions.name} {predictions.outputs}"
        raise site.options.refuse("shapes-differ", f"its inputs have different lengths: {message}", "inputs")
    return _cost(site, word)


def _gated(site: Site) -> Layer:
    if site.inputs[0].outputs not in (1, UNKNOWN):
        raise site.options.refuse("wrong-inputs", "its first input is a gate, one number", "inputs")
    return _cost(site, "cost.gsum2")


def _tica(site: Site) -> Layer:
    options = site.options
    image = site.image(0, options.integer("channels", low=1))
    values = {"size": options.integer("sizeX", low=1)}
    return site.layer("cost.tica", 0, reads=(image,), values=values)


def _children(site: Site, word: str) -> None:
    """Check ``children`` of version 2: earlier costs whose values were printed together with this one's."""
    options = site.options
    if site.dialect == "2012" or not options.has("children"):
        return
    for name in options.words("children"):
        child = site.named(name)
        if child is None or child.type != word:
            raise options.refuse("unknown-layer", f"there is no {word} '{name}' above it", "children")


KINDS = table(
    Kind("cost.logreg", lambda s: _over_softmax(s, "cost.logreg"), TWO, special={"v2": ("children",)}),
    Kind("cost.crossent", lambda s: _over_softmax(s, "cost.crossent"), TWO, special={"v2": ("children",)}),
    Kind("cost.crossent2", lambda s: _compared(s, "cost.crossent2"), TWO, (), ONLY_2012),
    Kind("cost.rflickr", lambda s: _compared(s, "cost.rflickr"), TWO, (), ONLY_2012),
    Kind("cost.bce", lambda s: _compared(s, "cost.bce"), TWO, ("children",), ONLY_V2),
    Kind("cost.dce", lambda s: _compared(s, "cost.dce"), TWO, ("children",), ONLY_V2),
    Kind("cost.sum2", lambda s: _cost(s, "cost.sum2"), ONE, special={"v2": ("children",)}),
    Kind("cost.gsum2", _gated, TWO, (), ONLY_2012),
    Kind("cost.tica", _tica, ONE, ("channels", "sizeX"), ONLY_2012),
    Kind("cost.msm", lambda s: _compared(s, "cost.msm"), TWO, (), ONLY_2012),
)
