"""Layers that work on single values or combine whole vectors."""

from __future__ import annotations

from dataclasses import replace

from netspec.formatting import plural
from netspec.importers.cuda_convnet.layers.kinds import ANY, ONE, ONLY_2012, ONLY_V2, Context, Kind, by_word
from netspec.importers.cuda_convnet.layers.model import UNKNOWN, Image, Layer
from netspec.importers.cuda_convnet.layers.neurons import read_neuron
from netspec.importers.cuda_convnet.options import Options


def _same_shape(context: Context, **values: object) -> Layer:
    """Define a layer that keeps the shape of its first input."""
    source = context.inputs[0]
    return context.layer(source.outputs, image=source.image, values=values)


def _neuron(context: Context) -> Layer:
    neuron = read_neuron(context.options, context.dialect)
    if neuron is None:
        raise context.options.report_key_error("missing-key", "it needs neuron=")
    return replace(_same_shape(context), neuron=neuron)


def _hs(context: Context) -> Layer:
    return _same_shape(context, keep=context.options.real("keep", low=0.0, high=1.0))


def _common_shape(context: Context) -> tuple[int, Image | None]:
    """Return the common length of the inputs, and their maps if these are equal. Rejects different lengths."""
    known = [layer for layer in context.inputs if layer.outputs != UNKNOWN]
    lengths = {layer.outputs for layer in known}
    if len(lengths) > 1:
        shown = ", ".join(f"{layer.name} {layer.outputs}" for layer in context.inputs)
        raise context.options.report_error("shapes-differ", f"its inputs have different lengths: {shown}", "inputs")
    if not known:
        raise context.options.report_error("cfg-not-expressible", "it reads nothing but labels", "inputs")
    images = {layer.image for layer in known}
    return known[0].outputs, images.pop() if len(images) == 1 else None


def factors_of_sum(options: Options, inputs: int) -> tuple[float, ...]:
    """Read the factors of a sum's inputs, from the layer file (2012) or the parameter file (version 2).

    Neither version checked their number: superfluous factors were ignored, and with too few the program stopped.
    """
    words = len(options.words("coeffs")) if options.has("coeffs") else inputs
    factors = options.reals("coeffs", max(words, inputs), default=1.0, repeat=True)
    counts = f"coeffs lists {plural(words, 'value')} for {plural(inputs, 'input')}"
    if words > inputs:
        options.warn("cfg-left-out", f"{counts}; the superfluous ones were ignored", "coeffs")
    elif words < inputs:
        note = "the original accepted such files and stopped at the first batch"
        options.warn("cfg-substitute", f"{counts}; it is used for each", "coeffs", notes=(note,))
    return factors[:inputs]


def _weighted_sum(context: Context) -> Layer:
    outputs, image = _common_shape(context)
    n = len(context.inputs)
    coefficients = factors_of_sum(context.options, n) if context.dialect == "2012" else (1.0,) * n
    return context.layer(outputs, image=image, values={"coeffs": coefficients})


def _maximum(context: Context) -> Layer:
    outputs, image = _common_shape(context)
    return context.layer(outputs, image=image)


def _concatenation(context: Context) -> Layer:
    """Define a concatenation. If all inputs are maps of the same size, so is the output."""
    images = [layer.image for layer in context.inputs]
    sides = {image.side if image else None for image in images}
    joined = Image(sum(i.channels for i in images if i), images[0].side) if len(sides) == 1 and images[0] else None
    return context.layer(sum(layer.outputs for layer in context.inputs), image=joined)


def _pass(context: Context) -> Layer:
    """Define ``pass`` of version 2, a concatenation without a copy. An input can be passed on only once per GPU."""
    options, replicas = context.options, max(1, len(context.gpu))
    first = context.inputs[0]  # the others have as many replicas, or are data, which has as many as its readers
    if (other_replicas := max(1, len(first.gpu))) != replicas:
        message = f"{first.name} has {plural(other_replicas, 'replica')}, and it has {replicas}"
        raise options.report_error("cfg-replicas", message, "gpu", "inputs")
    for layer in context.inputs:
        for gpu in context.gpu:
            other = context.passed_on.setdefault((layer.name, gpu), options.name)
            if other != options.name:
                message = f"{layer.name} is passed on by {other} on the same GPU already"
                raise options.report_error("cfg-replicas", message, "inputs")
    return _concatenation(context)


def _sums_of_runs(context: Context) -> Layer:
    """Define ``sum`` of version 2, the sums of ``stride`` consecutive numbers each."""
    options, source = context.options, context.inputs[0]
    stride = options.integer("stride", 1, 1)
    if source.outputs % stride:
        raise options.report_error(
            "bad-value", f"stride={stride} does not divide the {source.outputs} of {source.name}", "stride"
        )
    return context.layer(source.outputs // stride, values={"stride": stride})


KINDS = by_word(
    Kind("neuron", _neuron, ONE),
    Kind("hs", _hs, ONE, ("keep",), ONLY_2012),
    Kind("dropout", _same_shape, ONE, (), ONLY_V2),
    Kind("dropout2", _same_shape, ONE, (), ONLY_V2),
    Kind("softmax", _same_shape, ONE),
    Kind("eltsum", _weighted_sum, ANY, version_keys={"2012": ("coeffs",)}),
    Kind("eltmax", _maximum, (2, None)),
    Kind("concat", _concatenation, ANY),
    Kind("pass", _pass, ANY, (), ONLY_V2),
    Kind("sum", _sums_of_runs, ONE, ("stride",), ONLY_V2),
)
