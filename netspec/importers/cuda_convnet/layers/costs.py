"""Costs, which training minimises. They have no output."""

from __future__ import annotations

from netspec.importers.cuda_convnet.layers.kinds import ONE, ONLY_2012, ONLY_V2, TWO, Context, Kind, by_word
from netspec.importers.cuda_convnet.layers.model import UNKNOWN, Layer


def _over_softmax(context: Context) -> Layer:
    """Define a cost that reads labels and a softmax."""
    labels, softmax = context.inputs
    if context.word == "cost.logreg" and labels.outputs not in (1, UNKNOWN):
        raise context.options.report_error(
            "wrong-inputs", f"its first input is the labels, one number; {labels.name} has {labels.outputs}", "inputs"
        )
    if softmax.type != "softmax":
        above = (name for name, layer in context.above.items() if layer.type == "softmax")
        of_it = next((name for name in above if context.above[name].inputs == (softmax.name,)), None)
        notes = (f"{of_it} is the softmax of {softmax.name}: inputs={labels.name},{of_it}",) if of_it else ()
        raise context.options.report_error(
            "wrong-inputs",
            f"its second input is a softmax; {softmax.name} is of type {softmax.type}",
            "inputs",
            notes=notes,
        )
    return _cost(context)


def _cost(context: Context) -> Layer:
    _check_children(context)
    return context.layer(0)


def _comparison(context: Context) -> Layer:
    """Define a cost that compares each label with a prediction."""
    labels, predictions = context.inputs
    if labels.outputs not in (predictions.outputs, UNKNOWN):
        message = f"{labels.name} has {labels.outputs} numbers, {predictions.name} {predictions.outputs}"
        raise context.options.report_error("shapes-differ", f"its inputs have different lengths: {message}", "inputs")
    return _cost(context)


def _gated(context: Context) -> Layer:
    if context.inputs[0].outputs not in (1, UNKNOWN):
        raise context.options.report_error("wrong-inputs", "its first input is a gate, one number", "inputs")
    return _cost(context)


def _tica(context: Context) -> Layer:
    options = context.options
    image = context.image(0, options.integer("channels", low=1))
    return context.layer(0, reads=(image,), values={"size": options.integer("sizeX", low=1)})


def _check_children(context: Context) -> None:
    """Check ``children`` of version 2: earlier costs whose values were printed together with this one's."""
    options = context.options
    if context.dialect == "2012" or not options.has("children"):
        return
    for name in options.words("children"):
        child = context.named(name)
        if child is None or child.type != context.word:
            raise options.report_error("unknown-layer", f"there is no {context.word} '{name}' above it", "children")


KINDS = by_word(
    Kind("cost.logreg", _over_softmax, TWO, version_keys={"v2": ("children",)}),
    Kind("cost.crossent", _over_softmax, TWO, version_keys={"v2": ("children",)}),
    Kind("cost.crossent2", _comparison, TWO, (), ONLY_2012),
    Kind("cost.rflickr", _comparison, TWO, (), ONLY_2012),
    Kind("cost.bce", _comparison, TWO, ("children",), ONLY_V2),
    Kind("cost.dce", _comparison, TWO, ("children",), ONLY_V2),
    Kind("cost.sum2", _cost, ONE, version_keys={"v2": ("children",)}),
    Kind("cost.gsum2", _gated, TWO, (), ONLY_2012),
    Kind("cost.tica", _tica, ONE, ("channels", "sizeX"), ONLY_2012),
    Kind("cost.msm", _comparison, TWO, (), ONLY_2012),
)
