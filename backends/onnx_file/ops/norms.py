"""Normalisations and dropout in evaluation mode."""

from __future__ import annotations

import numpy as np

from netspec.ir.ops import BatchNorm, ContrastNorm, Dropout, Lrn, MapNorm

from ..site import Site, Table


def _lrn(op: Lrn, site: Site) -> None:
    """ONNX's LRN divides alpha by the window size. Each group is normalised separately.

    Windows of odd size are centred as in netspec; onnxruntime rejects even sizes.
    """
    if op.size % 2 == 0:
        _even_lrn(op, site)
        return
    attributes = {"size": op.size, "bias": op.k, "alpha": op.alpha * op.size, "beta": op.beta}
    if op.groups == 1:
        site.result("LRN", site.x, **attributes)
        return
    groups = site.split(site.x, op.groups)
    site.result("Concat", *(site.inner("LRN", group, **attributes) for group in groups), axis=1)


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
    squares = site.inner("Mul", site.x, site.x)
    _normalise(site, window_means(op.size, site, squares, padding=True), op.k, op.alpha * op.size**2, op.beta)


def _contrast_norm(op: ContrastNorm, site: Site) -> None:
    """Like MapNorm, but square x minus the mean of the image pixels in the window."""
    contrast = site.inner("Sub", site.x, window_means(op.size, site, site.x, padding=False))
    squares = site.inner("Mul", contrast, contrast)
    _normalise(site, window_means(op.size, site, squares, padding=True), op.k, op.alpha * op.size**2, op.beta)


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
        weight = site.constant("one", np.ones(channels, dtype=np.float32))
        bias = site.constant("zero", np.zeros(channels, dtype=np.float32))
    mean, variance = site.statistic("running_mean", 0.0), site.statistic("running_var", 1.0)
    site.result("BatchNormalization", site.x, weight, bias, mean, variance, epsilon=op.eps)


def _dropout(op: Dropout, site: Site) -> None:
    """Evaluation drops nothing; ``scaling="test"`` multiplies by the share of units kept in training."""
    if op.scaling == "train":
        site.result("Identity", site.x)
    else:
        site.result("Mul", site.x, site.constant("kept", 1 - op.rate))


TABLE: Table = {
    Lrn: _lrn,
    MapNorm: _map_norm,
    ContrastNorm: _contrast_norm,
    BatchNorm: _batch_norm,
    Dropout: _dropout,
}
