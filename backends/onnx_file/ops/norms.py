"""Normalisations and dropout in evaluation mode."""

from __future__ import annotations

import numpy as np

from netspec.ir.ops import RUNNING_STATISTICS, BatchNorm, ContrastNorm, Dropout, GroupNorm, LayerNorm, Lrn, MapNorm

from ..site import Site, Table


def _lrn(op: Lrn, site: Site) -> None:
    """ONNX's LRN divides alpha by the window size. Each group is normalised separately.

    Windows of odd size are centred as in netspec; onnxruntime rejects even sizes.
    """
    if op.size % 2 == 0:
        _even_lrn(op, site)
        return
    site.result_by_group(op.groups, "LRN", size=op.size, bias=op.k, alpha=op.alpha * op.size, beta=op.beta)


def _even_lrn(op: Lrn, site: Site) -> None:
    """Reshape to G maps of C/G rows and H*W columns, so that average pooling over rows sums neighbouring channels."""
    channels, height, width = site.shape
    squares = site.inner("Mul", site.x, site.x)
    maps = site.sizes("groups-as-maps", 0, op.groups, channels // op.groups, height * width)
    before = op.size // 2
    means = site.inner(
        "AveragePool",
        site.inner("Reshape", squares, maps),
        kernel_shape=(op.size, 1),
        pads=(before, 0, op.size - 1 - before, 0),
        count_include_pad=1,
    )
    means = site.inner("Reshape", means, site.sizes("image", 0, *site.shape))
    _normalise(site, means, op.k, op.alpha * op.size, op.beta)


def _map_norm(op: MapNorm, site: Site) -> None:
    """ContrastNorm squares x minus the mean of the image pixels in the window."""
    u = site.x
    if isinstance(op, ContrastNorm):
        u = site.inner("Sub", u, window_means(op.size, site, u, padding=False))
    means = window_means(op.size, site, site.inner("Mul", u, u), padding=True)
    _normalise(site, means, op.k, op.alpha * op.size**2, op.beta)


def window_means(size: int, site: Site, x: str, padding: bool) -> str:
    """Emit the mean over the size x size window around each pixel. ``padding``: whether padding counts, as zeros."""
    before, after = size // 2, size - 1 - size // 2
    return site.inner(
        "AveragePool",
        x,
        kernel_shape=(size, size),
        pads=(before, before, after, after),
        count_include_pad=int(padding),
    )


def _normalise(site: Site, means: str, k: float, alpha: float, beta: float) -> None:
    """Emit the result x (k + alpha mean)^-beta."""
    scaled = site.inner("Mul", means, site.constant("alpha", alpha))
    base = site.inner("Add", scaled, site.constant("k", k))
    site.result("Mul", site.x, site.inner("Pow", base, site.constant("exponent", -beta)))


def _batch_norm(op: BatchNorm, site: Site) -> None:
    channels = site.node.output.channels
    if op.affine:
        weight, bias = site.parameters()
    else:
        weight, bias = _one_and_zero(channels, site)
    mean, variance = (site.statistic(word, first) for word, first in RUNNING_STATISTICS.items())
    site.result("BatchNormalization", site.x, weight, bias, mean, variance, epsilon=op.eps)


def _layer_norm(op: LayerNorm, site: Site) -> None:
    """LayerNormalization is over the last axis, which becomes that of the channels, or of those in a group."""
    channels, pixels = site.shape.channels, site.shape.height * site.shape.width
    if op.groups > 1:
        runs = site.sizes("runs", 0, op.groups, channels // op.groups, pixels)
        rows = site.inner("Transpose", site.inner("Reshape", site.x, runs), perm=(0, 1, 3, 2))
        normal = site.inner("LayerNormalization", rows, *_one_and_zero(channels // op.groups, site), epsilon=op.eps)
        _scale_and_shift(op, site, site.inner("Transpose", normal, perm=(0, 1, 3, 2)))
        return
    parameters = site.parameters() if op.affine else _one_and_zero(channels, site)
    if not site.shape.is_image:
        site.result("LayerNormalization", site.x, *parameters, epsilon=op.eps)
        return
    rows = site.inner("Transpose", site.x, perm=(0, 2, 3, 1))
    normal = site.inner("LayerNormalization", rows, *parameters, epsilon=op.eps)
    site.result("Transpose", normal, perm=(0, 3, 1, 2))


def _group_norm(op: GroupNorm, site: Site) -> None:
    """Normalise the groups as the instances of a row of numbers; GroupNormalization is of later operator sets."""
    rows = site.inner("Reshape", site.x, site.sizes("rows", 0, op.groups, -1))
    normal = site.inner("InstanceNormalization", rows, *_one_and_zero(op.groups, site), epsilon=op.eps)
    _scale_and_shift(op, site, normal)


def _one_and_zero(count: int, site: Site) -> tuple[str, str]:
    """Store a scale and a shift that change nothing, each of ``count`` numbers."""
    one = site.constant("one", np.ones(count, dtype=np.float32))
    return one, site.constant("zero", np.zeros(count, dtype=np.float32))


def _scale_and_shift(op: GroupNorm, site: Site, normal: str) -> None:
    """Emit the result: the normalised value in the shape of x, scaled and shifted if affine."""
    shape = site.sizes("shape", 0, *site.shape)
    if not op.affine:
        site.result("Reshape", normal, shape)
        return
    scaled = site.inner("Mul", site.inner("Reshape", normal, shape), site.per_channel(0))
    site.result("Add", scaled, site.per_channel(1))


def _dropout(op: Dropout, site: Site) -> None:
    """Evaluation drops nothing; ``scaling="test"`` multiplies by the share of units kept in training."""
    if op.scaling == "train":
        site.result("Identity", site.x)
    else:
        site.result("Mul", site.x, site.constant("kept", 1 - op.rate))


TABLE: Table = {
    Lrn: _lrn,
    MapNorm: _map_norm,
    ContrastNorm: _map_norm,
    BatchNorm: _batch_norm,
    LayerNorm: _layer_norm,
    GroupNorm: _group_norm,
    Dropout: _dropout,
}
