"""Layers over maps without weights: pooling, normalisation, and the fixed functions."""

from __future__ import annotations

from netspec.importers.cuda_convnet.lines import number
from netspec.ir.ops import AvgPool, Blur, ContrastNorm, Lrn, MapNorm, MaxPool, Mirror, Nailbed

from ..sections import Section
from ..site import Site
from .places import pooling


def pool(site: Site) -> Section:
    """``pool``, of the maximum or the average."""
    op, (channels, side) = site.nodes[0].op, site.square()
    assert isinstance(op, MaxPool | AvgPool)
    places = pooling(site, op.window, side, site.layer.output.height)
    kind = "max" if isinstance(op, MaxPool) else "avg"
    keys = {"pool": kind, "channels": str(channels), "sizeX": str(op.window.kernel[0])}
    return site.section("pool", (site.one(),), {**keys, "stride": str(op.window.stride[0]), **places})


def cross_map(site: Site) -> Section:
    """``cmrnorm``. A window that reaches over the whole run of channels from any of them is a block."""
    op, (channels, _) = site.nodes[0].op, site.square()
    assert isinstance(op, Lrn)
    if op.groups % site.groups:
        message = "its window crosses the GPUs' shares, and cuda-convnet normalises each section alone"
        raise site.cannot_say(message, "reads", instead=("reads=own",))
    runs, size, keys = op.groups // site.groups, op.size, {"channels": str(channels)}
    if runs > 1:
        if op.size != 2 * (channels // runs) - 1:
            block = channels // runs
            message = f"a window of cuda-convnet that keeps within {block} channels covers all of them"
            raise site.cannot_say(message, "groups", "size", instead=(f"size={2 * block - 1}", "groups=1"))
        size, keys = channels // runs, {**keys, "blocked": "true"}
    params = {"scale": _scale(op.alpha, size), "pow": number(op.beta), "minDiv": number(op.k)}
    return site.section("cmrnorm", (site.one(),), {**keys, "size": str(size)}, **params)


def within_maps(site: Site) -> Section:
    """``rnorm`` and ``cnorm``."""
    op, (channels, _) = site.nodes[0].op, site.square()
    assert isinstance(op, MapNorm | ContrastNorm)
    type_ = "cnorm" if isinstance(op, ContrastNorm) else "rnorm"
    params = {"scale": _scale(op.alpha, op.size**2), "pow": number(op.beta)}
    if site.draft.old and op.k != 1:
        message = f"the constant of a {type_} of 2012 is 1, and its k is {number(op.k)}"
        site.cannot_say(message, "k", instead=("k=1", "--dialect v2"))
    if not site.draft.old:
        params["minDiv"] = number(op.k)
    return site.section(type_, (site.one(),), {"channels": str(channels), "size": str(op.size)}, **params)


def _scale(alpha: float, count: int) -> str:
    """The factor that divided by the numbers in the window is alpha, as short as it can be."""
    exact = alpha * count
    short = float(f"{exact:.12g}")
    return number(short if short / count == alpha else exact)


def blur(site: Site) -> Section:
    """``blur``."""
    op, (channels, _) = site.nodes[0].op, site.square()
    assert isinstance(op, Blur)
    keys = {"channels": str(channels), "filterSize": str(op.size), "stdev": number(op.stdev)}
    return site.section("blur", (site.one(),), keys)


def nailbed(site: Site) -> Section:
    """``nailbed``."""
    op, (channels, _) = site.nodes[0].op, site.square()
    assert isinstance(op, Nailbed)
    return site.section("nailbed", (site.one(),), {"channels": str(channels), "stride": str(op.stride)})


def mirror(site: Site) -> Section:
    """``href``."""
    channels, _ = site.square()
    return site.section("href", (site.one(),), {"channels": str(channels)})


EMITTED = {
    MaxPool: pool,
    AvgPool: pool,
    Lrn: cross_map,
    MapNorm: within_maps,
    ContrastNorm: within_maps,
    Blur: blur,
    Nailbed: nailbed,
    Mirror: mirror,
}
