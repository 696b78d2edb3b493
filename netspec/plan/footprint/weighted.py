"""Footprints of operations with weights: products and biases."""

from __future__ import annotations

from netspec.ir.ops import Bias, ChannelScale, Conv, Deconv, Linear, Local, PRelu
from netspec.ir.widths import FULL
from netspec.ir.window import Pad
from netspec.passes.padding import conv_padding, deconv_trimming
from netspec.plan.footprint.model import Footprint, Site, chain

Weighted = Conv | Deconv | Local | Linear | ChannelScale | PRelu | Bias


def weighted(op: Weighted, site: Site) -> Footprint:
    """The footprint of a product with weights, or of adding biases."""
    width, product_width, numel = site.widths[0], site.product_width, site.output_numel
    match op:
        case Bias():  # the bias is float32, so the sum is too
            return Footprint(numel * FULL, FULL, shares_gradient=width == FULL)
        case ChannelScale():  # the weight is float32; its gradient is the sum of elementwise products
            return Footprint(numel * FULL, FULL, keeps_input=True, backward=numel * FULL)
        case PRelu():  # a product's type; the slopes' gradient is the sum of elementwise products
            size = numel * product_width
            kept = 0 if width == product_width else size
            unused = 0 if site.learning[0] else size  # the input's gradient, which torch computes all the same
            return Footprint(size, product_width, keeps_input=not kept, extra=kept, backward=size + unused)
        case Local():
            return _local(op, site)
        case Conv() if before := conv_padding(op.window, site.inputs[0]).image_pad:
            return _padded(before, site)
        case Deconv() if rest := deconv_trimming(op.window).rest:
            return _trimmed(op, rest, site)
        case _:
            return _product(op, site)


def _product(op: Conv | Deconv | Linear, site: Site) -> Footprint:
    """A product that torch computes as it is."""
    width, product_width, read, numel = site.widths[0], site.product_width, site.input_numel, site.output_numel
    result, forward = product_width, 0
    if isinstance(op, Linear) and op.groups > 1:  # batched products are rearranged, then the bias is added
        result = FULL if op.bias else product_width
        forward = numel * product_width * (2 if op.bias else 1)
    if width == product_width and not (site.strided and isinstance(op, Linear)):
        return Footprint(numel * result, result, keeps_input=True, forward=forward, backward=forward // 2)
    back, later = chain(numel * product_width, read * product_width, read * width)
    return Footprint(numel * result, result, extra=read * product_width, forward=forward, backward=back, later=later)


def _padded(before: Pad, site: Site) -> Footprint:
    """A convolution of a copy of the image that is padded by ``before``."""
    width, product_width, value = site.widths[0], site.product_width, site.output_numel * site.product_width
    padded = site.padded(before)
    cast = (padded * width,) if width != product_width else ()
    back, later = chain(value, padded * product_width, *cast, site.input_numel * width)
    kept = padded * product_width
    return Footprint(value, product_width, extra=kept, forward=sum(cast), backward=back, later=later)


def _trimmed(op: Deconv, rest: Pad, site: Site) -> Footprint:
    """A transposed convolution whose output is trimmed afterwards by ``rest``, which takes a copy."""
    width, product_width, numel, read = site.widths[0], site.product_width, site.output_numel, site.input_numel
    rows, columns = site.output.height + rest.top + rest.bottom, site.output.width + rest.left + rest.right
    whole = site.images * op.filters * rows * columns
    last = numel if op.bias and deconv_trimming(op.window).adds else 0  # what the bias is added to
    cast = (read * product_width,) if width != product_width else ()
    back, later = chain(numel * product_width, whole * product_width, *cast, read * width)
    return Footprint(
        numel * product_width,
        product_width,
        keeps_input=not cast,
        extra=sum(cast),
        forward=max(whole, last) * product_width,
        backward=back,
        later=later,
    )


def _local(op: Local, site: Site) -> Footprint:
    """Keeps the unrolled patches; rearranges the products into the value's layout, then adds the bias."""
    x, y, product_width = site.inputs[0], site.output, site.product_width
    patches = site.images * x.channels * op.window.area * y.height * y.width
    padded = site.padded(op.window.effective_pad(x.height, x.width)) * site.widths[0]
    kernels = y.units * (x.channels // op.groups) * op.window.area * product_width
    width = FULL if op.bias else product_width
    copied = op.groups > 1 or site.widths[0] != product_width
    laid = (patches * product_width,) if copied else ()
    back, later = chain(
        site.output_numel * product_width, patches * product_width, *laid, padded, site.input_numel * site.widths[0]
    )
    return Footprint(
        site.output_numel * width,
        width,
        extra=patches * product_width + (kernels if op.groups > 1 and product_width == FULL else 0),
        forward=max(padded, patches * site.widths[0] if copied else 0, site.output_numel * product_width)
        - site.output_numel * width,
        backward=back,
        later=later,
    )
