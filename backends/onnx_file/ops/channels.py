"""Operations that take, rearrange or reduce channels."""

from __future__ import annotations

from netspec.ir.ops import ChannelMax, ChannelMean, PixelShuffle, PixelUnshuffle, Shuffle, Slice

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


TABLE: Table = {
    Slice: _slice,
    Shuffle: _shuffle,
    PixelShuffle: lambda op, site: site.result("DepthToSpace", site.x, blocksize=op.factor, mode="CRD"),
    PixelUnshuffle: _pixel_unshuffle,
    ChannelMax: lambda op, site: site.result_by_group(op.groups, "ReduceMax", axes=[1]),
    ChannelMean: lambda op, site: site.result_by_group(op.groups, "ReduceMean", axes=[1]),
}
