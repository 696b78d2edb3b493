"""Layers over square maps without weights: pooling, normalisation, and fixed functions."""

from __future__ import annotations

from dataclasses import replace

from netspec.formatting import plural
from netspec.importers.cuda_convnet.layers.kinds import ONE, ONLY_V2, Context, Kind, by_word
from netspec.importers.cuda_convnet.layers.model import Image, Layer

FARTHEST = 2**15
"""The most windows along an axis, and the farthest that they may start from an image, in pixels."""
_POOLS = {"2012": ("max", "maxabs", "avg", "rand"), "v2": ("max", "maxabs", "avg")}


def _image(context: Context, *, multiple_of_4: bool = False) -> Image:
    """Return the only input as an image with the number of channels in ``channels``."""
    return context.image(0, context.options.integer("channels", low=1), multiple_of_4=multiple_of_4)


def windows(side: int, size: int, stride: int, start: int) -> int:
    """Return how many windows it takes to cover an image from ``start`` on."""
    return max(0, 1 - (-(side - start - size) // stride))


def _pool(context: Context) -> Layer:
    options, image = context.options, _image(context)
    if context.weights_below() and context.inputs[0].word != "cccp":  # the fork with cccp did without this bound
        options.require_divisible("channels", image.channels, 16)
    kind = options.choice("pool", _POOLS[context.dialect])
    size = options.integer("sizeX", low=1, high=image.side)
    stride = options.integer("stride", low=1, high=size)
    start = options.integer("start", 0, -FARTHEST, FARTHEST)
    places = options.integer("outputsX", 0, 0, FARTHEST)
    places = places or windows(image.side, size, stride, start)
    if not places:
        raise options.report_error("kernel-too-large", "no window fits", "sizeX", "start")
    summed = context.dialect == "v2" and kind == "avg" and options.flag("sum", False)
    if context.dialect == "v2" and kind != "avg" and options.has("sum"):
        options.warn("cfg-ignored-key", "sum only applies to pool=avg; it is ignored", "sum")
    values = {"pool": kind, "size": size, "stride": stride, "start": start, "places": places, "sum": summed}
    return context.map_layer(image, Image(image.channels, places), **values)


def _cmpool(context: Context) -> Layer:
    options, image = context.options, _image(context)
    options.choice("pool", ("max",))
    size = options.integer("size", low=1, high=image.channels)
    stride = options.integer("stride", low=1, high=size)
    outputs = options.integer("outputs", 0, 0, FARTHEST)
    start = options.integer("start", 0, -FARTHEST, 0)
    covered = start + (outputs - 1) * stride + size
    if covered < image.channels:
        raise options.report_error(
            "bad-value",
            f"{plural(outputs, 'window')} do not cover its {image.channels} channels",
            "outputs",
            notes=(f"{start} + ({outputs} - 1) * {stride} + {size} = {covered}, less than {image.channels}",),
        )
    return context.map_layer(image, Image(outputs, image.side), size=size, stride=stride, start=start)


def _cmrnorm(context: Context) -> Layer:
    options, image = context.options, _image(context)
    size = options.integer("size", low=2, high=image.channels)
    options.require_divisible("channels", image.channels, 16)
    blocked = options.flag("blocked", False)
    return context.map_layer(image, image, size=size, blocked=blocked, **_old_parameters(context))


def _rnorm(context: Context) -> Layer:
    """Define a normalisation within a map, or across maps if a file from before ``cmrnorm`` existed says so."""
    options = context.options
    if not context.has_gpus and options.has("crossMap"):
        options.accepted.add("crossmap")
        if options.flag("crossMap"):
            options.warn("cfg-old-habit", "rnorm with crossMap is read as cmrnorm, its present name", "crossMap")
            return _cmrnorm(replace(context, word="cmrnorm"))
    return _map_norm(context)


def _map_norm(context: Context) -> Layer:
    image = _image(context, multiple_of_4=True)
    context.options.flag("blocked", False)
    size = context.options.integer("size", low=1, high=image.side)
    return context.map_layer(image, image, size=size, **_old_parameters(context))


def _old_parameters(context: Context) -> dict[str, float]:
    """Read a normalisation's scale and power, which the oldest files have in the layer file."""
    options = context.options
    if context.has_gpus or not (options.has("scale") and options.has("pow")):
        return {}
    options.accepted |= {"scale", "pow"}
    return {"scale": options.real("scale", low=0.0), "pow": options.real("pow")}


def _nailbed(context: Context) -> Layer:
    image, stride = _image(context), context.options.integer("stride", low=1)
    return context.map_layer(image, Image(image.channels, -(-image.side // stride)), stride=stride)


def _blur(context: Context) -> Layer:
    options, image = context.options, _image(context)
    size = options.integer("filterSize")
    stdev = abs(options.real("stdev"))  # only its square is used
    if not stdev:
        raise options.report_key_error("bad-value", "stdev is a divisor and cannot be 0", "stdev")
    if size not in (3, 5, 7, 9):
        raise options.report_key_error("bad-value", f"filterSize is one of 3, 5, 7, 9, not {size}", "filterSize")
    if size > image.side:
        raise options.report_error(
            "kernel-too-large", f"its filter is larger than its maps of {image.side}", "filterSize"
        )
    return context.map_layer(image, image, size=size, stdev=stdev)


def _href(context: Context) -> Layer:
    image = context.image(0, context.options.integer("channels", low=1, high=3))
    return context.map_layer(image, image)


def _resize(context: Context) -> Layer:
    image, scale = _image(context), context.options.real("scale", low=0.5, high=2.0)
    context.require_no_weights_below()
    return context.map_layer(image, Image(image.channels, int(image.side / scale)), scale=scale)


def _rscale(context: Context) -> Layer:
    options, image = context.options, _image(context)
    scale = options.real("maxScale", low=1.0, high=2.0)
    least = int(image.side / scale)
    target = options.integer("tgtSize", low=1)
    if not least <= target <= image.side:
        message = f"tgtSize must be from {least}, the smallest scaled size, to {image.side}, not {target}"
        raise options.report_error("bad-value", message, "tgtSize")
    context.require_no_weights_below()
    return context.map_layer(image, Image(image.channels, target), scale=scale)


def _crop(context: Context) -> Layer:
    options, image = context.options, _image(context)
    left = options.integer("startX", low=0)
    top = options.integer("startY", left, 0)
    side = options.integer("sizeX", low=1)
    for key, start in (("startX", left), ("startY", top)):
        if start + side > image.side:
            note = "version 2's parser only checked the columns, and its program then read outside the image"
            notes = (note,) if key == "startY" else ()
            message = f"{key}={start} + sizeX={side} is more than {image.side}"
            raise options.report_error("bad-value", message, key, "sizeX", notes=notes)
    context.require_no_weights_below()
    return context.map_layer(image, Image(image.channels, side), left=left, top=top)


def _colours(context: Context) -> Layer:
    image = context.image(0, 3)
    centred = context.word == "rgb2lab" and context.options.flag("center", False)
    context.require_no_weights_below()
    return context.map_layer(image, image, center=centred)


KINDS = by_word(
    Kind(
        "pool", _pool, ONE, ("channels", "sizeX", "stride", "pool", "start", "outputsX"), version_keys={"v2": ("sum",)}
    ),
    Kind("cmpool", _cmpool, ONE, ("channels", "size", "stride", "pool", "start", "outputs"), ONLY_V2),
    Kind("cmrnorm", _cmrnorm, ONE, ("channels", "size", "blocked")),
    Kind("rnorm", _rnorm, ONE, ("channels", "size", "blocked")),
    Kind("cnorm", _map_norm, ONE, ("channels", "size", "blocked")),
    Kind("nailbed", _nailbed, ONE, ("channels", "stride")),
    Kind("blur", _blur, ONE, ("channels", "filterSize", "stdev")),
    Kind("href", _href, ONE, ("channels",)),
    Kind("resize", _resize, ONE, ("channels", "scale")),
    Kind("rscale", _rscale, ONE, ("channels", "maxScale", "tgtSize")),
    Kind("crop", _crop, ONE, ("channels", "startX", "startY", "sizeX"), ONLY_V2),
    Kind("rgb2yuv", _colours, ONE),
    Kind("rgb2lab", _colours, ONE, ("center",)),
)
