"""Channels that are constant, beside those of a value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from netspec.importers.operators.graph.model import Tensor
from netspec.importers.operators.spec.lines import Draft, Read, Site
from netspec.importers.operators.spec.views import C, N, Value
from netspec.importers.spec.keys import slice_keys
from netspec.importers.spec.problem import Inexpressible
from netspec.ir.shape import Shape


def zero_channels(draft: Draft, x: Shape, of_zeros: int, count: int) -> list[int]:
    """Return lines with so many channels of zeros in all, of a line with as many as the image has."""
    whole, rest = divmod(count, x.channels)
    keys, shape = {"channels": str(rest)}, Shape(rest, *x[1:]) if rest else x
    return [of_zeros] * whole + ([draft.new_line("slice", [of_zeros], keys, shape)] if rest else [])


def constant_channels(site: Site, x: Value, tensor: Tensor) -> Value:
    """Return a constant as the channels of an image with the pixels of ``x``, or as the features of a vector.

    Zeros are the channels of ``x`` times 0; other numbers are the biases of a layer whose weights are 0.

    Raises ``Inexpressible`` if the images have different numbers, or if the axes are others than those of ``x``.
    """
    sizes = tensor.shape
    if len(sizes) != len(x.axes) or x.axes[0] != (N,) or sizes[0] not in (1, x.batch) or 0 in sizes:
        raise Inexpressible(f"it joins a constant of {'x'.join(map(str, sizes))}; a spec joins channels")
    if sizes[0] != 1:
        raise Inexpressible("it joins other constants to each image")
    if not (x.is_image or x.is_vector) or (x.is_image and sizes[2:] != x.sizes[2:]):
        raise Inexpressible("it joins a constant along another axis than the channels")
    x = x if x.is_image else site.draft.vector(x)
    shape = Shape(sizes[1], *x.shape[1:])
    number = _numbers(site, x, shape, tensor) if tensor.values().any() else _zeros(site.draft, x, shape)
    value = replace(x, line=number, shape=shape)
    return replace(value, axes=value.image_axes if x.is_image else ((N,), value.single(C)))


def _zeros(draft: Draft, x: Value, shape: Shape) -> int:
    of_zeros = draft.new_line("linear", [x.line], {"a": "0"}, x.shape)
    parts = zero_channels(draft, x.shape, of_zeros, shape.channels)
    return parts[0] if len(parts) == 1 else draft.new_line("concat", parts, {}, shape, claimed=True)


def _numbers(site: Site, x: Value, shape: Shape, tensor: Tensor) -> int:
    first = x.line
    if x.shape.channels > 1:
        first = site.draft.new_line("slice", [first], slice_keys(0, 1), Shape(1, *x.shape[1:]), claimed=True)
    kind, keys, weight = "fc", {"outputs": str(shape.channels)}, np.zeros((shape.channels, 1), np.float32)
    if shape.is_image:
        kind, keys = "conv", {"filters": str(shape.channels), "kernel": "1", "bias_per": "unit"}
        weight = weight[:, :, None, None]
    arrays: dict[str, Read] = {"weight": lambda: weight, "bias": lambda: tensor.values()[0]}
    keys["init"] = "constant(0)"
    return site.draft.new_line(kind, [first], keys, shape, origin=site.node, arrays=arrays, claimed=True)
