"""Layers over square maps without weights: pooling, normalisation, and fixed functions."""

from __future__ import annotations

from netspec.importers.cuda_convnet.layers.kinds import ONE, ONLY_V2, Kind, Site, table
from netspec.importers.cuda_convnet.layers.model import Image, Layer
from netspec.units import plural

FARTHEST = 2**15
"""The most windows along an axis, and the farthest that they may start from an image, in pixels."""
_POOLS = {"2012": ("max", "maxabs", "avg", "rand"), "v2": ("max", "maxabs", "avg")}


def _image(site: Site, multiple_of_4: bool = False) -> Image:
    """Return the only input as an image with the number of channels in ``channels``."""
    return site.image(0, site.options.integer("channels", low=1), multiple_of_4)


def windows(side: int, size: int, stride: int, start: int) -> int:
    """Return how many windows it takes to cover an image from ``start`` on."""
    return max(0, 1 - (-(side - start - size) // stride))


def _pool(site: Site) -> Layer:
    options, image = site.options, _image(site)
    if site.weights_below():
        options.divisible("channels", image.channels, 16)
    kind = options.choice("pool", _POOLS[site.dialect])
    size = options.integer("sizeX", low=1, high=image.side)
    stride = options.integer("stride", low=1, high=size)
    start = options.integer("start", 0, -FARTHEST, FARTHEST)
    places = options.integer("outputsX", 0, 0, FARTHEST)
    places = places or windows(image.side, size, stride, start)
    if not places:
        raise options.refuse("kernel-too-large", "no window fits", "sizeX", "start")
    summed = site.dialect == "v2" and kind == "avg" and options.flag("sum", False)
    if site.dialect == "v2" and kind != "avg" and options.has("sum"):
        options.warn("cfg-ignored-key", "sum is of pool=avg alone; it is ignored", "sum")
    values = {"pool": kind, "size": size, "stride": stride, "start": start, "places": places, "sum": summed}
    out = Image(image.channels, places)
    return site.layer("pool", out.units, image=out, reads=(image,), values=values)


def _cmpool(site: Site) -> Layer:
    options, image = site.options, _image(site)
    options.choice("pool", ("max",))
    size = options.integer("size", low=1, high=image.channels)
    stride = options.integer("stride", low=1, high=size)
    outputs = options.integer("outputs", 0, 0, FARTHEST)
    start = options.integer("start", 0, -FARTHEST, 0)
    covered = start + (outputs - 1) * stride + size
    if covered < image.channels:
        raise options.refuse(
            "bad-value",
            f"{plural(outputs, 'window')} do not cover its {image.channels} channels",
            "outputs",
            notes=(f"{start} + ({outputs} - 1) * {stride} + {size} = {covered}, less than {image.channels}",),
        )
    out = Image(outputs, image.side)
    values = {"size": size, "stride": stride, "start": start}
    return site.layer("cmpool", out.units, image=out, reads=(image,), values=values)


def _cmrnorm(site: Site) -> Layer:
    options, image = site.options, _image(site)
    size = options.integer("size", low=2, high=image.channels)
    options.divisible("channels", image.channels, 16)
    values = {"size": size, "blocked": options.flag("blocked", False), **_old_numbers(site)}
    return site.layer("cmrnorm", image.units, image=image, reads=(image,), values=values)


def _rnorm(site: Site) -> Layer:
    """Define a normalisation within a map, or across maps if a file from before ``cmrnorm`` existed says so."""
    options = site.options
    if not site.placed and options.has("crossMap"):
        options.former.add("crossmap")
        if options.flag("crossMap"):
            options.warn("cfg-old-habit", "rnorm with crossMap is taken for cmrnorm, as it is called now", "crossMap")
            return _cmrnorm(site)
    return _map_norm(site, "rnorm")


def _map_norm(site: Site, word: str) -> Layer:
    image = _image(site, True)
    site.options.flag("blocked", False)
    values = {"size": site.options.integer("size", low=1, high=image.side), **_old_numbers(site)}
    return site.layer(word, image.units, image=image, reads=(image,), values=values)


def _old_numbers(site: Site) -> dict[str, float]:
    """Read a normalisation's scale and power, which the oldest files have in the layer file."""
    options = site.options
    if site.placed or not (options.has("scale") and options.has("pow")):
        return {}
    options.former |= {"scale", "pow"}
    return {"scale": options.real("scale", low=0.0), "pow": options.real("pow")}


def _nailbed(site: Site) -> Layer:
    image, stride = _image(site), site.options.integer("stride", low=1)
    out = Image(image.channels, (image.side + stride - 1) // stride)
    return site.layer("nailbed", out.units, image=out, reads=(image,), values={"stride": stride})


def _blur(site: Site) -> Layer:
    options, image = site.options, _image(site)
    size = options.integer("filterSize")
    stdev = abs(options.real("stdev"))  # only its square is used
    if not stdev:
        raise options.misread("bad-value", "stdev divides, and is not 0", "stdev")
    if size not in (3, 5, 7, 9):
        raise options.misread("bad-value", f"filterSize is one of 3, 5, 7, 9, not {size}", "filterSize")
    if size > image.side:
        raise options.refuse("kernel-too-large", f"its filter is larger than its maps of {image.side}", "filterSize")
    values = {"size": size, "stdev": stdev}
    return site.layer("blur", image.units, image=image, reads=(image,), values=values)


def _href(site: Site) -> Layer:
    image = site.image(0, site.options.integer("channels", low=1, high=3))
    return site.layer("href", image.units, image=image, reads=(image,))


def _resize(site: Site) -> Layer:
    image, scale = _image(site), site.options.real("scale", low=0.5, high=2.0)
    site.no_weights_below("resize")
    out = Image(image.channels, int(image.side / scale))
    return site.layer("resize", out.units, image=out, reads=(image,), values={"scale": scale})


def _rscale(site: Site) -> Layer:
    options, image = site.options, _image(site)
    scale = options.real("maxScale", low=1.0, high=2.0)
    least = int(image.side / scale)
    target = options.integer("tgtSize", low=1)
    if not least <= target <= image.side:
        message = f"tgtSize is from {least}, the smallest size that it scales to, to {image.side}; not {target}"
        raise options.refuse("bad-value", message, "tgtSize")
    site.no_weights_below("rscale")
    out = Image(image.channels, target)
    return site.layer("rscale", out.units, image=out, reads=(image,), values={"scale": scale})


def _crop(site: Site) -> Layer:
    options, image = site.options, _image(site)
    left = options.integer("startX", low=0)
    top = options.integer("startY", left, 0)
    side = options.integer("sizeX", low=1)
    for key, start in (("startX", left), ("startY", top)):
        if start + side > image.side:
            note = "the parser of version 2 looked at the columns alone, and its program then read what is no pixel"
            notes = (note,) if key == "startY" else ()
            message = f"{key}={start} + sizeX={side} is more than {image.side}"
            raise options.refuse("bad-value", message, key, "sizeX", notes=notes)
    site.no_weights_below("crop")
    out = Image(image.channels, side)
    values = {"left": left, "top": top, "side": side}
    return site.layer("crop", out.units, image=out, reads=(image,), values=values)


def _colours(site: Site, word: str) -> Layer:
    image = site.image(0, 3)
    centred = word == "rgb2lab" and site.options.flag("center", False)
    site.no_weights_below(word)
    return site.layer(word, image.units, image=image, reads=(image,), values={"center": centred})


KINDS = table(
    Kind("pool", _pool, ONE, ("channels", "sizeX", "stride", "pool", "start", "outputsX"), special={"v2": ("sum",)}),
    Kind("cmpool", _cmpool, ONE, ("channels", "size", "stride", "pool", "start", "outputs"), ONLY_V2),
    Kind("cmrnorm", _cmrnorm, ONE, ("channels", "size", "blocked")),
    Kind("rnorm", _rnorm, ONE, ("channels", "size", "blocked")),
    Kind("cnorm", lambda site: _map_norm(site, "cnorm"), ONE, ("channels", "size", "blocked")),
    Kind("nailbed", _nailbed, ONE, ("channels", "stride")),
    Kind("blur", _blur, ONE, ("channels", "filterSize", "stdev")),
    Kind("href", _href, ONE, ("channels",)),
    Kind("resize", _resize, ONE, ("channels", "scale")),
    Kind("rscale", _rscale, ONE, ("channels", "maxScale", "tgtSize")),
    Kind("crop", _crop, ONE, ("channels", "startX", "startY", "sizeX"), ONLY_V2),
    Kind("rgb2yuv", lambda site: _colours(site, "rgb2yuv"), ONE),
    Kind("rgb2lab", lambda site: _colours(site, "rgb2lab"), ONE, ("center",)),
)
