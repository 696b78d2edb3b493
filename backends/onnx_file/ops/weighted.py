"""Operations with weights: convolution, plain, transposed and unshared; linear, channel scale, PReLU and bias."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ir.ops import Bias, ChannelScale, Conv, Deconv, Linear, Local, PRelu
from netspec.ir.shape import Shape
from netspec.ir.window import Window

from ..site import Floats, Site, Table


def window_attributes(window: Window, x: Shape) -> dict[str, Any]:
    """Return the ONNX attributes of a sliding window.

    The pads of the four sides include the overhang of the last window, so that ONNX, which rounds down, computes the
    same output size.
    """
    pad = window.effective_pad(x.height, x.width)
    return {
        "kernel_shape": window.kernel,
        "strides": window.stride,
        "dilations": window.dilation,
        "pads": (pad.top, pad.left, pad.bottom, pad.right),
    }


def _conv(op: Conv, site: Site) -> None:
    """ONNX has no connection tables: multiply the stored weight by the table's mask."""

    def masked(weight: Floats) -> Floats:
        if op.table is None:
            return weight
        return weight * np.array(op.table.mask(weight.shape[1]), dtype=np.float32)[:, :, None, None]

    site.result("Conv", site.x, *site.parameters(masked), group=op.groups, **window_attributes(op.window, site.shape))


def _deconv(op: Deconv, site: Site) -> None:
    """ONNX's ``pads`` cannot add pixels: ``output_padding`` can, at the far sides and fewer than the stride. (ONNX also
    allows fewer than the dilation, which onnxruntime rejects.)"""
    pad, window = op.window.pad, op.window
    cut = [max(0, side) for side in (pad.top, pad.left, pad.bottom, pad.right)]
    added = [max(0, -side) for side in (pad.top, pad.left, pad.bottom, pad.right)]
    attributes = {
        "kernel_shape": window.kernel,
        "strides": window.stride,
        "dilations": window.dilation,
        "group": op.groups,
        "pads": cut,
    }
    if not any(added[:2]) and added[2] < window.stride[0] and added[3] < window.stride[1]:
        attributes |= {"output_padding": added[2:]} if any(added) else {}
        site.result("ConvTranspose", site.x, *site.parameters(), **attributes)
        return
    sums = site.inner("ConvTranspose", site.x, site.parameter(0), **attributes)
    pads = site.sizes("added", 0, 0, *added[:2], 0, 0, *added[2:])
    if not op.bias:
        site.result("Pad", sums, pads)
        return
    site.result("Add", site.inner("Pad", sums, pads), site.per_channel(1))


def _local(op: Local, site: Site) -> None:
    """Unroll the windows and multiply those at each place p by the kernels of that place.

    A depthwise convolution with one-hot kernels unrolls them into channels (im2col). With K = C/G * KH * KW, the
    product is N,G,P,1,K by G,P,K,F/G.
    """
    filters, rows, columns = site.node.output
    channels, area = site.shape.channels, op.window.area
    one_hot = np.tile(np.eye(area, dtype=np.float32), (channels, 1)).reshape(-1, 1, *op.window.kernel)
    attributes = window_attributes(op.window, site.shape)
    patches = site.inner("Conv", site.x, site.constant("window", one_hot), group=channels, **attributes)
    fan_in, places = channels // op.groups * area, rows * columns

    def by_place(weight: Floats) -> Floats:
        return weight.reshape(op.groups, filters // op.groups, places, fan_in).transpose(0, 2, 3, 1)

    patches = site.inner("Reshape", patches, site.sizes("by-group", 0, op.groups, fan_in, places, 1))
    patches = site.inner("Transpose", patches, perm=(0, 1, 3, 4, 2))
    weight, *bias = site.parameters(by_place)
    product = site.inner("Transpose", site.inner("MatMul", patches, weight), perm=(0, 1, 4, 2, 3))
    shape = site.sizes("output", 0, *site.node.output)
    if bias:
        site.result("Add", site.inner("Reshape", product, shape), *bias)
    else:
        site.result("Reshape", product, shape)


def _linear(op: Linear, site: Site) -> None:
    """With groups, a grouped convolution of a one-pixel image."""
    flat = site.inner("Flatten", site.x) if site.shape.is_image else site.x
    if op.groups == 1:
        site.result("Gemm", flat, *site.parameters(), transB=1)
        return
    pixel = site.inner("Reshape", flat, site.sizes("pixel", 0, site.shape.units, 1, 1))
    product = site.inner("Conv", pixel, *site.parameters(lambda weight: weight[:, :, None, None]), group=op.groups)
    site.result("Flatten", product)


TABLE: Table = {
    Conv: _conv,
    Deconv: _deconv,
    Local: _local,
    Linear: _linear,
    ChannelScale: lambda op, site: site.result("Mul", site.x, site.per_channel(0)),
    PRelu: lambda op, site: site.result("PRelu", site.x, site.per_channel(0)),
    Bias: lambda op, site: site.result(
        "Add", site.x, site.per_channel(0) if op.per == "channel" else site.parameter(0)
    ),
}
