"""Operations that take, rearrange, reduce or mix channels."""

from __future__ import annotations

import numpy as np

from netspec.ir.ops import ChannelMax, ChannelMean, ColourSpace, PixelShuffle, PixelUnshuffle, Shuffle, Slice
from netspec.ir.ops.colour import CUBE_ROOT_FROM, EXPONENT, INTERCEPT, LAB, SLOPE, XYZ, YUV, Matrix

from ..site import Site, Table


def _slice(op: Slice, site: Site) -> None:
    first, count = op.of_group
    starts, ends, axes = site.sizes("first", first), site.sizes("end", first + count), site.sizes("axis", 1)
    site.result_by_group(op.groups, "Slice", starts, ends, axes)


def _shuffle(op: Shuffle, site: Site) -> None:
    """Transpose a matrix of channels, whose pixels are one axis; with shares, between a split and a concatenation."""
    channels = site.shape.channels // op.shares
    matrix = site.sizes("matrix", 0, op.groups, channels // op.groups, site.shape.height * site.shape.width)
    size = site.sizes("size", 0, channels, *site.shape[1:])
    parts = site.split(site.x, op.shares) if op.shares > 1 else (site.x,)
    turned = [site.inner("Transpose", site.inner("Reshape", part, matrix), perm=(0, 2, 1, 3)) for part in parts]
    if op.shares == 1:
        site.result("Reshape", *turned, size)
    else:
        site.result("Concat", *(site.inner("Reshape", part, size) for part in turned), axis=1)


def _pixel_unshuffle(op: PixelUnshuffle, site: Site) -> None:
    """ONNX's SpaceToDepth orders the channels otherwise, by the pixels of the squares first."""
    channels, height, width = site.shape
    r = op.factor
    squares = site.inner("Reshape", site.x, site.sizes("squares", 0, channels, height // r, r, width // r, r))
    turned = site.inner("Transpose", squares, perm=(0, 1, 3, 5, 2, 4))
    site.result("Reshape", turned, site.sizes("size", 0, channels * r**2, height // r, width // r))


def _colour_space(op: ColourSpace, site: Site) -> None:
    """Fixed 1x1 convolutions."""
    if op.to == "yuv":
        site.result("Conv", site.x, _kernels(site, "yuv", YUV))
        return
    t = site.inner("Conv", site.x, _kernels(site, "xyz", XYZ))
    least = site.constant("least", CUBE_ROOT_FROM)
    root = site.inner("Pow", site.inner("Max", t, least), site.constant("exponent", EXPONENT))
    line = site.inner("Add", site.inner("Mul", t, site.constant("slope", SLOPE)), site.constant("intercept", INTERCEPT))
    roots = site.inner("Where", site.inner("Greater", t, least), root, line)
    offsets = site.constant("offsets", np.array([op.offset, 0, 0], dtype=np.float32))
    site.result("Conv", roots, _kernels(site, "lab", LAB), offsets)


def _kernels(site: Site, what: str, matrix: Matrix) -> str:
    return site.constant(what, np.array(matrix, dtype=np.float32)[:, :, None, None])


TABLE: Table = {
    Slice: _slice,
    Shuffle: _shuffle,
    PixelShuffle: lambda op, site: site.result("DepthToSpace", site.x, blocksize=op.factor, mode="CRD"),
    PixelUnshuffle: _pixel_unshuffle,
    ChannelMax: lambda op, site: site.result_by_group(op.groups, "ReduceMax", axes=[1]),
    ChannelMean: lambda op, site: site.result_by_group(op.groups, "ReduceMean", axes=[1]),
    ColourSpace: _colour_space,
}
