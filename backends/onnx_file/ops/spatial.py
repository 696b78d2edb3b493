"""Pooling, and the fixed image operations of cuda-convnet: blur, crop, resize and the like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netspec.ir import ops
from netspec.ir.window import Window

from ..site import Floats, Site, Table
from .weighted import window_attributes

BEFORE_FIRST = np.iinfo(np.int64).min
"""End of a slice with a negative step that includes the first element."""


def _max_pool(op: ops.MaxPool, site: Site) -> None:
    """Apply padding as wide as the kernel, which onnxruntime rejects, with a Pad of -infinity first."""
    attributes = window_attributes(op.window, site.shape)
    if not _is_wider_than_kernel(op.window, attributes["pads"]):
        site.result("MaxPool", site.x, **attributes)
        return
    top, left, bottom, right = attributes.pop("pads")
    pads = site.sizes("pads", 0, 0, top, left, 0, 0, bottom, right)
    padded = site.inner("Pad", site.x, pads, site.constant("padding-value", -np.inf))
    site.result("MaxPool", padded, **attributes)


def _is_wider_than_kernel(window: Window, pads: tuple[int, int, int, int]) -> bool:
    return any(pad >= side for pad, side in zip(pads, window.kernel * 2, strict=True))


def _avg_pool(op: ops.AvgPool, site: Site) -> None:
    """ONNX dilates averages only since operator set 19: divide the window's sum by its number of image pixels."""
    attributes = window_attributes(op.window, site.shape)
    if op.window.dilation == (1, 1):
        del attributes["dilations"]
        site.result("AveragePool", site.x, count_include_pad=0, **attributes)
        return
    channels = site.shape.channels
    box = site.constant("box", np.ones((channels, 1, *op.window.kernel), dtype=np.float32))
    total = site.inner("Conv", site.x, box, group=channels, **attributes)
    site.result("Div", total, site.constant("pixel-counts", _pixel_counts(op, site)))


def _pixel_counts(op: ops.AvgPool, site: Site) -> Floats:
    """Return how many pixels of the image each window covers, OH,OW."""
    pad = op.window.effective_pad(site.shape.height, site.shape.width)
    by_axis = []
    for axis, before in enumerate((pad.top, pad.left)):
        starts = np.arange(site.node.output[1 + axis]) * op.window.stride[axis] - before
        positions = starts[:, None] + np.arange(op.window.kernel[axis]) * op.window.dilation[axis]
        by_axis.append(((positions >= 0) & (positions < site.shape[1 + axis])).sum(axis=1))
    counts: Floats = np.outer(*by_axis).astype(np.float32)
    return counts


def _sum_pool(op: ops.SumPool, site: Site) -> None:
    """A depthwise convolution with a box of ones."""
    channels = site.shape.channels
    box = site.constant("box", np.ones((channels, 1, *op.window.kernel), dtype=np.float32))
    site.result("Conv", site.x, box, group=channels, **window_attributes(op.window, site.shape))


def _max_abs_pool(op: ops.MaxAbsPool, site: Site) -> None:
    """Take the pixel of largest magnitude in each window, the last one of equals.

    MaxPool returns the index of the first maximum, so it runs on the image flipped along both axes. Rows and columns
    that no window reads are cut off first, so that the windows of the flipped image cover the same pixels.
    """
    (height, width), window = site.shape[1:], op.window
    pad, (rows, columns) = window.effective_pad(height, width), window.fit(height, width)
    read = height - rows.unread - 1, width - columns.unread - 1
    flipped = site.inner("Slice", site.x, site.sizes("last-read", *read), *_flip_slice(site))
    pads = site.sizes("pads", 0, 0, pad.bottom, pad.right, 0, 0, pad.top, pad.left)
    magnitudes = site.inner("Pad", site.inner("Abs", flipped), pads, site.constant("padding-value", -1.0))
    pixels = site.inner("Reshape", site.inner("Pad", flipped, pads), site.sizes("all", -1))
    unpadded = {"kernel_shape": window.kernel, "strides": window.stride, "dilations": window.dilation}
    _, indices = site.multi_output("MaxPool", magnitudes, words=("largest", "places"), **unpadded)
    output = site.node.output
    selected = site.inner("Gather", pixels, indices)
    last = site.sizes("last-selected", output.height - 1, output.width - 1)
    site.result("Slice", selected, last, *_flip_slice(site))


def _flip_slice(site: Site) -> tuple[str, str, str]:
    """Return the ends, axes and steps of a slice that flips rows and columns."""
    return site.sizes("ends", BEFORE_FIRST, BEFORE_FIRST), site.sizes("axes", 2, 3), site.sizes("steps", -1, -1)


def _blur(op: ops.Blur, site: Site) -> None:
    """A depthwise convolution with the outer product of two Gaussians."""
    before, channels = op.size // 2, site.shape.channels
    line = np.exp(-((np.arange(op.size) - before) ** 2) / (2 * op.stdev**2))
    square = np.outer(line, line) / line.sum() ** 2
    kernels = np.tile(square, (channels, 1, 1, 1)).astype(np.float32)
    pads = (before, before, op.size - 1 - before, op.size - 1 - before)
    site.result("Conv", site.x, site.constant("gaussian", kernels), group=channels, pads=pads)


def _nailbed(op: ops.Nailbed, site: Site) -> None:
    starts = site.sizes("first", *op.starts(site.shape))
    ends = site.sizes("end", site.shape.height, site.shape.width)
    axes, steps = site.sizes("axes", 2, 3), site.sizes("stride", op.stride, op.stride)
    site.result("Slice", site.x, starts, ends, axes, steps)


def _mirror(op: ops.Mirror, site: Site) -> None:
    last, end = site.sizes("last", -1), site.sizes("end", BEFORE_FIRST)
    site.result("Slice", site.x, last, end, site.sizes("axis", 3), site.sizes("step", -1))


def _crop(op: ops.Crop, site: Site) -> None:
    starts = site.sizes("first", op.top, op.left)
    ends = site.sizes("end", op.top + op.height, op.left + op.width)
    site.result("Slice", site.x, starts, ends, site.sizes("axes", 2, 3))


def _pads(op: ops.BorderPad, site: Site) -> str:
    left, right, top, bottom = op.pad
    return site.sizes("pads", 0, 0, top, left, 0, 0, bottom, right)


def _bin_pool(op: ops.BinPool, site: Site) -> None:
    """Means of bins as R x C^T, for which ONNX has no operator: R has the shares of rows, C those of columns."""
    rows, columns = (_shares(op.ranges(axis, size), size) for axis, size in enumerate(site.shape[1:]))
    of_rows = site.inner("MatMul", site.constant("rows", rows), site.x)
    site.result("MatMul", of_rows, site.constant("columns", columns.T))


def _shares(bins: Sequence[range], size: int) -> Floats:
    """Return the share of each pixel of an axis in the mean of each bin, (bins, size)."""
    shares = np.zeros((len(bins), size), dtype=np.float32)
    for place, pixels in enumerate(bins):
        shares[place, pixels] = 1 / len(pixels)
    return shares


def _resize(op: ops.Resize, site: Site) -> None:
    """Bilinear interpolation as R x C^T. ONNX's Resize samples at other positions."""
    rows, columns = (_interpolation_weights(op.sampling_positions(size), size) for size in site.shape[1:])
    between_rows = site.inner("MatMul", site.constant("rows", rows), site.x)
    site.result("MatMul", between_rows, site.constant("columns", columns.T))


_WAYS: dict[str, dict[str, str]] = {
    "nearest": {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"},
    "bilinear": {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
    "corners": {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
}
"""PyTorch's ways of resampling, by the words of PyTorch's own exporter."""


def _upsample(op: ops.Upsample, site: Site) -> None:
    scales = site.constant("scales", np.array([1, 1, *op.factor], dtype=np.float32))
    site.result("Resize", site.x, "", scales, **_WAYS[op.method])


def _interpolate(op: ops.Interpolate, site: Site) -> None:
    """The sizes of Resize are of all axes: those of N and of the channels are the input's."""
    sizes = site.inner("Concat", site.inner("Shape", site.x, end=2), site.sizes("size", *op.size), axis=0)
    site.result("Resize", site.x, "", "", sizes, **_WAYS[op.method])


def _interpolation_weights(positions: tuple[float, ...], size: int) -> Floats:
    """Return the interpolation weights of each sampling position for each pixel of an axis, (positions, size)."""
    distances = np.abs(np.array(positions)[:, None] - np.arange(size))
    weights: Floats = np.maximum(0, 1 - distances).astype(np.float32)
    return weights


TABLE: Table = {
    ops.MaxPool: _max_pool,
    ops.AvgPool: _avg_pool,
    ops.SumPool: _sum_pool,
    ops.MaxAbsPool: _max_abs_pool,
    ops.Blur: _blur,
    ops.Nailbed: _nailbed,
    ops.Mirror: _mirror,
    ops.Crop: _crop,
    ops.ZeroPad: lambda op, site: site.result("Pad", site.x, _pads(op, site)),
    ops.EdgePad: lambda op, site: site.result("Pad", site.x, _pads(op, site), mode="edge"),
    ops.ReflectPad: lambda op, site: site.result("Pad", site.x, _pads(op, site), mode="reflect"),
    ops.BinPool: _bin_pool,
    ops.Resize: _resize,
    ops.Upsample: _upsample,
    ops.Interpolate: _interpolate,
    ops.RandomScale: lambda op, site: _crop(op.centre_crop(site.shape.height), site),
}
