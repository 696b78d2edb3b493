"""Sections of layers over feature maps without weights: pooling, normalisation, and fixed image operations."""

from __future__ import annotations

import math

from netspec.formatting import format_literal
from netspec.ir import ops
from netspec.ir.shape import Shape

from ..sections import Section
from ..site import Emissions, Site
from .places import pooling_keys


def pool(site: Site, op: ops.Pool) -> Section:
    """``pool``, for max, max-abs, average and sum pooling, or ``cmpool`` for pooling across maps."""
    if isinstance(op, ops.MaxPool) and _across_maps(op, site.parts()[0].shape):
        return _pool_across(site, op)
    channels, side = site.square_maps()
    places = pooling_keys(site, op.window, side, site.layer.output.height)
    keys = {"pool": _POOLS[type(op)], "channels": str(channels), "sizeX": str(op.window.kernel[0])}
    keys |= {"stride": str(op.window.stride[0]), **places}
    if isinstance(op, ops.SumPool):
        if site.draft.old:
            site.error("cuda-convnet of 2012 does not sum windows", instead=("avgpool", "--dialect v2"))
        keys["sum"] = "true"
    return site.section("pool", (site.single(),), keys)


def _across_maps(op: ops.MaxPool, shape: Shape) -> bool:
    """Whether a pooling is across maps: a one-channel image whose rows are flattened square maps, with windows one
    column wide."""
    window, pad = op.window, op.window.pad
    if not shape.is_image or shape.channels > 1 or (window.kernel == (1, 1) and shape.height == shape.width):
        return False
    narrow = (window.kernel[1], window.stride[1], pad.left, pad.right) == (1, 1, 0, 0)
    return narrow and math.isqrt(shape.width) ** 2 == shape.width


def _pool_across(site: Site, op: ops.MaxPool) -> Section:
    """``cmpool``, which only version 2 has."""
    if site.draft.old:
        site.error("cuda-convnet of 2012 does not pool across maps", instead=("--dialect v2",))
    window, part = op.window, site.single()
    keys = {"pool": "max", "channels": str(part.shape.height), "size": str(window.kernel[0])}
    keys |= {"stride": str(window.stride[0]), "outputs": str(site.layer.output.height)}
    keys |= {"start": str(-window.pad.top)} if window.pad.top else {}
    return site.section("cmpool", (part,), keys)


_POOLS: dict[type[ops.Op], str] = {ops.MaxPool: "max", ops.MaxAbsPool: "maxabs", ops.AvgPool: "avg", ops.SumPool: "avg"}


def cross_map(site: Site, op: ops.Lrn) -> Section:
    """``cmrnorm``. Groups become ``blocked`` if the window of every channel covers its whole group."""
    channels, _ = site.square_maps()
    if op.groups % site.groups:
        message = "its window crosses the GPUs' shares, and cuda-convnet normalises each section alone"
        raise site.error(message, "reads", instead=("reads=own",))
    runs, size, keys = op.groups // site.groups, op.size, {"channels": str(channels)}
    if runs > 1:
        if op.size != 2 * (channels // runs) - 1:
            block = channels // runs
            message = f"a window of cuda-convnet that keeps within {block} channels covers all of them"
            raise site.error(message, "groups", "size", instead=(f"size={2 * block - 1}", "groups=1"))
        size, keys = channels // runs, {**keys, "blocked": "true"}
    params = {"scale": _scale(op.alpha, size), "pow": format_literal(op.beta), "minDiv": format_literal(op.k)}
    return site.section("cmrnorm", (site.single(),), {**keys, "size": str(size)}, **params)


def within_maps(site: Site, op: ops.MapNorm) -> Section:
    """``rnorm`` and ``cnorm``."""
    channels, _ = site.square_maps()
    type_ = "cnorm" if isinstance(op, ops.ContrastNorm) else "rnorm"
    params = {"scale": _scale(op.alpha, op.size**2), "pow": format_literal(op.beta)}
    if site.draft.old and op.k != 1:
        message = f"the constant of a {type_} of 2012 is 1, and its k is {format_literal(op.k)}"
        site.error(message, "k", instead=("k=1", "--dialect v2"))
    if not site.draft.old:
        params["minDiv"] = format_literal(op.k)
    return site.section(type_, (site.single(),), {"channels": str(channels), "size": str(op.size)}, **params)


def _scale(alpha: float, count: int) -> str:
    """Return ``scale``, which cuda-convnet divides by the size of the window to get alpha, with few digits."""
    exact = alpha * count
    short = float(f"{exact:.12g}")
    return format_literal(short if math.isclose(short / count, alpha, rel_tol=1e-15) else exact)


def blur(site: Site, op: ops.Blur) -> Section:
    """``blur``."""
    channels, _ = site.square_maps()
    keys = {"channels": str(channels), "filterSize": str(op.size), "stdev": format_literal(op.stdev)}
    return site.section("blur", (site.single(),), keys)


def nailbed(site: Site, op: ops.Nailbed) -> Section:
    """``nailbed``."""
    channels, _ = site.square_maps()
    return site.section("nailbed", (site.single(),), {"channels": str(channels), "stride": str(op.stride)})


def mirror(site: Site, op: ops.Mirror) -> Section:
    """``href``."""
    channels, _ = site.square_maps()
    return site.section("href", (site.single(),), {"channels": str(channels)})


def _identity(site: Site) -> Section:
    """An identity ``neuron``, for an identity layer that needs a section because of its neuron or its GPUs."""
    return site.section("neuron", (site.single(),), {"neuron": "ident"})


def crop(site: Site, op: ops.Crop) -> Section:
    """``crop`` of version 2, or ``pool`` of single pixels in 2012 and after layers with weights.

    cuda-convnet's ``crop`` does not propagate gradients, which layers with weights before it need.
    """
    if ops.is_identity(op, site.graph.shapes(site.nodes[0])):
        return _identity(site)
    channels, _ = site.square_maps()
    if op.height != op.width:
        raise site.error(f"cuda-convnet's crops are square, and this one is {op.height}x{op.width}", "size")
    follows_weights = _follows_weights(site)
    if not site.draft.old and not follows_weights:
        keys = {"channels": str(channels), "startX": str(op.left), "startY": str(op.top), "sizeX": str(op.width)}
        return site.section("crop", (site.single(),), keys)
    if op.top != op.left:
        condition = "over layers with weights" if follows_weights else "in 2012"
        instead = () if follows_weights else ("--dialect v2",)
        message = (
            f"{condition} cuda-convnet crops at the same distance from the left and the top, not {op.left} and {op.top}"
        )
        raise site.error(message, "left", "top", instead=instead)
    return _single_pixels(site, op.top, op.height)


def _follows_weights(site: Site) -> bool:
    """Whether any layer that the site's layer depends on has weights."""
    nodes = site.graph.nodes
    return any(nodes[name].params for name in site.graph.dependencies(nodes[name] for name in site.layer.inputs))


def _single_pixels(site: Site, start: int, count: int) -> Section:
    """``pool`` of ``places`` single pixels along each axis from ``start`` on; pixels outside the image are 0."""
    channels, _ = site.square_maps()
    keys = {"pool": "maxabs", "channels": str(channels), "sizeX": "1", "stride": "1"}
    keys |= {"start": str(start)} if start else {}
    return site.section("pool", (site.single(),), {**keys, "outputsX": str(count)})


def zero_pad(site: Site, op: ops.ZeroPad) -> Section:
    """``pool`` of single pixels, some of which are outside the image and read as 0."""
    if ops.is_identity(op, site.graph.shapes(site.nodes[0])):
        return _identity(site)
    _, side = site.square_maps()
    before, after = op.pad.left, op.pad.right
    if (op.pad.top, op.pad.bottom) != (before, after):
        raise site.error("cuda-convnet's maps are square, and this padding differs between the axes", "pad")
    if before > side:
        message = f"cuda-convnet's windows start at most {side} pixels before an image of {side}x{side}"
        raise site.error(message, "pad", instead=(f"two layers, of which one pads {side}",))
    return _single_pixels(site, -before, site.layer.output.height)


def resize(site: Site, op: ops.Resize) -> Section:
    """``resize``."""
    channels, _ = site.square_maps()
    return site.section("resize", (site.single(),), {"channels": str(channels), "scale": format_literal(op.step)})


def random_scale(site: Site, op: ops.RandomScale) -> Section:
    """``rscale``."""
    channels, _ = site.square_maps()
    if op.max_scale > 2:
        message = f"the scale of rscale is at most 2, and this one is {format_literal(op.max_scale)}"
        raise site.error(message, "max_scale", instead=("max_scale=2",))
    keys = {"channels": str(channels), "maxScale": format_literal(op.max_scale), "tgtSize": str(op.size)}
    return site.section("rscale", (site.single(),), keys)


def colours(site: Site, op: ops.ColourSpace) -> Section:
    """``rgb2yuv`` and ``rgb2lab``."""
    site.square_maps()
    centred = {"center": "true"} if op.centred else {}
    return site.section(f"rgb2{op.to}", (site.single(),), {} if op.to == "yuv" else centred)


EMITTED: Emissions = {
    **dict.fromkeys(_POOLS, pool),
    ops.Crop: crop,
    ops.ZeroPad: zero_pad,
    ops.Resize: resize,
    ops.RandomScale: random_scale,
    ops.ColourSpace: colours,
    ops.Lrn: cross_map,
    ops.MapNorm: within_maps,
    ops.ContrastNorm: within_maps,
    ops.Blur: blur,
    ops.Nailbed: nailbed,
    ops.Mirror: mirror,
}
