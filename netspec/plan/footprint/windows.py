"""Footprints of operations that move or resample pixels, and of poolings."""

from __future__ import annotations

from netspec.ir.ops import (
    AvgPool,
    BinPool,
    Blur,
    BorderPad,
    ColourSpace,
    Crop,
    Interpolate,
    MaxAbsPool,
    MaxPool,
    Mirror,
    Nailbed,
    Pool,
    RandomScale,
    Resize,
    Upsample,
    ZeroPad,
)
from netspec.ir.widths import FULL
from netspec.ir.window import Pad
from netspec.passes.padding import exact_padding, pool_padding
from netspec.plan.footprint.model import INDEX, Footprint, Site, chain

Spatial = (
    BinPool | Blur | Mirror | Nailbed | Crop | BorderPad | Resize | Upsample | Interpolate | RandomScale | ColourSpace
)


def spatial(op: Spatial, site: Site) -> Footprint:
    """The footprint of an operation that moves or resamples pixels."""
    width, numel = site.widths[0], site.output_numel
    match op:
        case Nailbed():  # backward puts back rows first, then columns
            return Footprint(None, width, backward=site.input_numel * width // op.stride)
        case Crop():  # backward puts back columns first, then rows
            return Footprint(None, width, backward=numel // site.output.width * site.inputs[0].width * width)
        case Upsample(method=method) | Interpolate(method=method) if method != "nearest" and width != FULL:
            wide = site.input_numel * FULL  # a copy in float32
            back, later = chain(numel * FULL, wide, site.input_numel * width)
            return Footprint(numel * FULL, FULL, forward=wide, backward=back, later=later)
        case Mirror() | ZeroPad() | Upsample() | Interpolate():
            return Footprint(numel * width, width)
        case BorderPad() | BinPool():
            return Footprint(numel * width, width, keeps_input=True)
        case ColourSpace():
            return _colour_space(op, numel)
        case Resize() | RandomScale():
            return _resampling(site)
        case Blur():
            return _blur(op, site)


def _colour_space(op: ColourSpace, numel: int) -> Footprint:
    wide = numel * FULL
    colours = 2 * wide // 3  # backward: the gradient of one channel, and the next one that is added to it
    if op.to == "yuv":
        return Footprint(wide, FULL, forward=wide, backward=colours)
    # Between the two matrices it keeps the numbers, a mask of those above the lower bound, and the clamped numbers.
    return Footprint(wide, FULL, extra=2 * wide + numel, forward=wide, backward=2 * wide + colours)


def _resampling(site: Site) -> Footprint:
    """Rows and columns are resampled by a matrix each."""
    x, y, numel = site.inputs[0], site.output, site.output_numel
    width, product_width = site.widths[0], site.product_width
    between = numel // y.width * x.width * product_width
    cast = (site.input_numel * product_width,) if width != product_width else ()
    matrices = (y.height * x.height + y.width * x.width) * product_width
    back, later = chain(numel * product_width, between, *cast, site.input_numel * width)
    return Footprint(
        numel * product_width, product_width, extra=matrices, forward=sum(cast) + between, backward=back, later=later
    )


def _blur(op: Blur, site: Site) -> Footprint:
    """Rows and columns are blurred one after the other, each from a padded copy."""
    width, product_width, numel = site.widths[0], site.product_width, site.output_numel
    before = op.size // 2
    after = op.size - 1 - before
    lines = site.padded(Pad(before, after, before, after))
    rows = site.padded(Pad(0, 0, before, after))
    cast = (lines * width,) if width != product_width else ()
    back, later = chain(numel * product_width, rows * product_width, lines * product_width, *cast, numel * width)
    kept = (lines + rows) * product_width
    return Footprint(numel * product_width, product_width, extra=kept, forward=sum(cast), backward=back, later=later)


def pool(op: Pool, site: Site) -> Footprint:
    """The footprint of a pooling."""
    width, product_width, numel = site.widths[0], site.product_width, site.output_numel
    x = site.inputs[0]
    pad = pool_padding(op.window, x).image_pad
    if isinstance(op, MaxPool):
        places = numel * INDEX
        if pad is None:
            return Footprint(numel * width, width, keeps_input=True, extra=places)
        padded = site.padded(pad) * width
        back, later = chain(numel * width, padded, site.input_numel * width)
        return Footprint(numel * width, width, extra=padded + places, backward=back, later=later)
    if isinstance(op, MaxAbsPool):  # keeps the flipped image; forward also needs the magnitudes, before flipping
        padded = site.padded(exact_padding(op.window, x)) * width
        back, later = chain(numel * width, padded, padded, site.input_numel * width)
        places = numel * INDEX
        return Footprint(numel * width, width, extra=padded + places, forward=2 * padded, backward=back, later=later)
    if isinstance(op, AvgPool) and pad is None and op.window.dilation == (1, 1):
        return Footprint(numel * width, width, keeps_input=True)
    padded = site.padded(op.window.effective_pad(x.height, x.width))
    cast = (padded * width,) if width != product_width else ()
    back, later = chain(numel * product_width, padded * product_width, *cast, site.input_numel * width)
    total = numel * product_width if isinstance(op, AvgPool) else 0
    return Footprint(
        numel * product_width,
        product_width,
        extra=padded * product_width,
        forward=max(sum(cast), total),
        backward=back,
        later=later,
    )
