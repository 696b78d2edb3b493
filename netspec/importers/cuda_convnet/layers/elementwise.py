"""Layers that work on single values or combine whole vectors."""

from __future__ import annotations

from dataclasses import replace

from netspec.importers.cuda_convnet.layers.kinds import ANY, ONE, ONLY_2012, ONLY_V2, Kind, Site, table
from netspec.importers.cuda_convnet.layers.model import UNKNOWN, Image, Layer
from netspec.importers.cuda_convnet.layers.neurons import read_neuron
from netspec.importers.cuda_convnet.options import Options
from netspec.units import plural


def _same(site: Site, type_: str, **values: object) -> Layer:
    """Define a layer that keeps the shape of its first input."""
    first = site.inputs[0]
    return site.layer(type_, first.outputs, image=first.image, values=values)


def _neuron(site: Site) -> Layer:
    neuron = read_neuron(site.options, site.dialect)
    if neuron is None:
        raise site.options.misread("missing-key", "it needs neuron=")
    return replace(_same(site, "neuron"), neuron=neuron)


def _hs(site: Site) -> Layer:
    return _same(site, "hs", keep=site.options.real("keep", low=0.0, high=1.0))


def _alike(site: Site) -> tuple[int, Image | None]:
    """Return the common length of the inputs, and their maps if these are equal. Rejects different lengths."""
    known = [layer for layer in site.inputs if layer.outputs != UNKNOWN]
    lengths = {layer.outputs for layer in known}
    if len(lengths) > 1:
        shown = ", ".join(f"{layer.name} {layer.outputs}" for layer in site.inputs)
        raise site.options.refuse("shapes-differ", f"its inputs have different lengths: {shown}", "inputs")
    if not known:
        raise site.options.refuse("cfg-not-expressible", "it reads nothing but labels", "inputs")
    images = {layer.image for layer in known}
    return known[0].outputs, images.pop() if len(images) == 1 else None


def factors_of_sum(options: Options, inputs: int) -> tuple[float, ...]:
    """Read the factors of a sum's inputs, from the layer file (2012) or the parameter file (version 2).

    Neither version checked their number: superfluous factors were ignored, and with too few the program stopped.
    """
    words = len(options.words("coeffs")) if options.has("coeffs") else inputs
    factors = options.reals("coeffs", max(words, inputs), 1.0, True)
    counts = f"coeffs lists {plural(words, 'value')} for {plural(inputs, 'input')}"
    if words > inputs:
        options.warn("cfg-left-out", f"{counts}; those that are too many were passed over", "coeffs")
    elif words < inputs:
        note = "the original took such files and stopped at the first batch"
        options.warn("cfg-substitute", f"{counts}; it is taken for each", "coeffs", notes=(note,))
    return factors[:inputs]


def _sum_of(site: Site) -> Layer:
    outputs, image = _alike(site)
    n = len(site.inputs)
    coefficients = factors_of_sum(site.options, n) if site.dialect == "2012" else (1.0,) * n
    return site.layer("eltsum", outputs, image=image, values={"coeffs": coefficients})


def _largest_of(site: Site) -> Layer:
    outputs, image = _alike(site)
    return site.layer("eltmax", outputs, image=image)


def _joined(site: Site, word: str) -> Layer:
    """Define a concatenation. If all inputs are maps of the same size, so is the output."""
    images = [layer.image for layer in site.inputs]
    sides = {image.side if image else None for image in images}
    whole = Image(sum(i.channels for i in images if i), images[0].side) if len(sides) == 1 and images[0] else None
    return site.layer(word, sum(layer.outputs for layer in site.inputs), image=whole)


def _pass(site: Site) -> Layer:
    """Define ``pass`` of version 2, a concatenation without a copy. An input can be passed on only once per GPU."""
    options, mine = site.options, max(1, len(site.gpu))
    for layer in site.inputs:
        if (theirs := max(1, len(layer.gpu))) != mine:
            message = f"{layer.name} has {plural(theirs, 'replica')}, and it has {mine}"
            raise options.refuse("cfg-replicas", message, "gpu", "inputs")
        for gpu in site.gpu:
            other = site.passed.setdefault((layer.name, gpu), options.name)
            if other != options.name:
                message = f"{layer.name} is passed on by {other} on the same GPU already"
                raise options.refuse("cfg-replicas", message, "inputs")
    return _joined(site, "pass")


def _sums(site: Site) -> Layer:
    """Define ``sum`` of version 2, the sums of ``stride`` consecutive numbers each."""
    options, first = site.options, site.inputs[0]
    stride = options.integer("stride", 1, 1)
    if first.outputs % stride:
        raise options.refuse(
            "bad-value", f"stride={stride} does not divide the {first.outputs} of {first.name}", "stride"
        )
    return site.layer("sum", first.outputs // stride, values={"stride": stride})


KINDS = table(
    Kind("neuron", _neuron, ONE),
    Kind("hs", _hs, ONE, ("keep",), ONLY_2012),
    Kind("dropout", lambda site: _same(site, "dropout"), ONE, (), ONLY_V2),
    Kind("dropout2", lambda site: _same(site, "dropout2"), ONE, (), ONLY_V2),
    Kind("softmax", lambda site: _same(site, "softmax"), ONE),
    Kind("eltsum", _sum_of, ANY, special={"2012": ("coeffs",)}),
    Kind("eltmax", _largest_of, (2, None)),
    Kind("concat", lambda site: _joined(site, "concat"), ANY),
    Kind("pass", _pass, ANY, (), ONLY_V2),
    Kind("sum", _sums, ONE, ("stride",), ONLY_V2),
)
