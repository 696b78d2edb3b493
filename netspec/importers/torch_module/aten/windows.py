"""Convolution, pooling and padding of PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from netspec.importers.spec.problem import Inexpressible
from netspec.importers.torch_module.calls import Call, Convert
from netspec.ir.ops.spatial import bins_of, even


def convolution(call: Call) -> None:
    """conv1d, conv2d and conv3d, with padding in numbers or by a word."""
    weight, axes = call.arguments["weight"], len(call.sizes("weight")) - 2
    dilation, padding = _each(call.get("dilation", 1), axes), call.get("padding", 0)
    kernel = call.sizes("weight")[2:]
    if padding == "same":
        totals = [apart * (side - 1) for side, apart in zip(kernel, dilation, strict=True)]
        pads = [*(total // 2 for total in totals), *(total - total // 2 for total in totals)]
    else:
        pads = _each(0 if padding == "valid" else padding, axes) * 2
    call.emit(
        "Conv",
        call.value(call.arguments["input"]),
        call.value(weight),
        call.value(call.get("bias")),
        strides=_each(call.get("stride", 1), axes),
        pads=pads,
        dilations=dilation,
        group=call.get("groups", 1),
    )


def transposed_convolution(call: Call) -> None:
    """conv_transpose2d."""
    axes = len(call.sizes("weight")) - 2
    call.emit(
        "ConvTranspose",
        call.value(call.arguments["input"]),
        call.value(call.arguments["weight"]),
        call.value(call.get("bias")),
        strides=_each(call.get("stride", 1), axes),
        pads=_each(call.get("padding", 0), axes) * 2,
        output_padding=_each(call.get("output_padding", 0), axes),
        dilations=_each(call.get("dilation", 1), axes),
        group=call.get("groups", 1),
        kernel_shape=list(call.sizes("weight")[2:]),
    )


REPEATED = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
"""How ONNX's Resize repeats pixels, or leaves some out."""


def nearest(call: Call) -> None:
    """upsample_nearest2d, which repeats pixels or leaves some out."""
    _resize(call, **REPEATED)


def nearest_exact(call: Call) -> None:
    """Nearest pixels of the middles of pixels: output i is pixel floor((i + 1/2) S / O)."""
    _resize(call, mode="nearest", nearest_mode="floor", coordinate_transformation_mode="tf_half_pixel_for_nn")


def bilinear(call: Call) -> None:
    """upsample_bilinear2d."""
    way = "align_corners" if call.get("align_corners") else "half_pixel"
    _resize(call, mode="linear", coordinate_transformation_mode=way)


def filtered(call: Call) -> None:
    """upsample_bilinear2d with antialias, which filters only where a map shrinks."""
    if call.get("align_corners") or any(b < a for a, b in zip(call.sizes("input"), call.output, strict=True)):
        raise Inexpressible("it takes means of the pixels between (antialias); a spec's resize does not read them")
    bilinear(call)


def _resize(call: Call, **attributes: str) -> None:
    scales = call.get("scale_factors")
    given = () if scales is None else ("", call.constant(np.array([1, 1, *scales])))
    call.emit("Resize", call.value(call.arguments["input"]), *given, **attributes)


def max_pool(call: Call) -> None:
    """max_pool2d, which may return the places of the maxima too."""
    call.emit("MaxPool", call.value(call.arguments["self"]), **_window(call), dilations=_each(call.get("dilation", 1)))


def average_pool(call: Call) -> None:
    """avg_pool2d and avg_pool3d."""
    if call.get("divisor_override"):
        raise Inexpressible(f"it divides by {call.get('divisor_override')}; a spec's divides by the number of pixels")
    call.emit(
        "AveragePool",
        call.value(call.arguments["self"]),
        **_window(call),
        count_include_pad=int(call.get("count_include_pad", True)),
    )


def _window(call: Call) -> dict[str, Any]:
    axes = len(call.output) - 2
    kernel = _each(call.arguments["kernel_size"], axes)
    return {
        "kernel_shape": kernel,
        "strides": _each(call.get("stride") or kernel, axes),
        "pads": _each(call.get("padding", 0), axes) * 2,
        "ceil_mode": int(call.get("ceil_mode", False)),
    }


def adaptive_pool(word: str) -> Convert:
    """adaptive_avg_pool2d and adaptive_max_pool2d: a pooling of the whole map, of windows that are all alike, or the
    means of bins that differ in size.

    The windows are those of ``BinPool`` (PyTorch, aten/src/ATen/native/AdaptivePooling.h), which repeat pixels if their
    number is a multiple of the size.
    """

    def convert(call: Call) -> None:
        x, before, after = call.value(call.arguments["self"]), call.sizes("self")[2:], call.output[2:]
        if set(after) == {1}:
            call.emit(f"Global{word}", x)
        else:
            sides = [*zip(before, after, strict=True)]
            if word == "AveragePool" and None in [_even_windows(*side) for side in sides]:
                call.emit("BinPool", x, bins=after)
                return
            windows = [_needed(_even_windows(*side), *side) for side in sides]
            kernel, strides = [side for side, _ in windows], [max(stride, 1) for _, stride in windows]
            pool = {"kernel_shape": kernel, "strides": strides, "pads": [0] * 2 * len(kernel)}
            if all(stride for _, stride in windows):
                call.emit(word, x, **pool)
                return
            pooled = [size if not w[1] else count for size, count, w in zip(before, after, windows, strict=True)]
            small = call.inner(word, x, sizes=(*call.output[:2], *pooled), **pool)
            call.emit("Resize", small, **REPEATED)

    return convert


def _even_windows(size: int, count: int) -> tuple[int, int] | None:
    """Return the side and the stride of the windows of an adaptive pooling, the stride 0 if each pixel is repeated;
    ``None`` if the windows differ."""
    if count > size and count % size == 0:
        return 1, 0
    return even(bins_of(size, count))


def _needed(window: tuple[int, int] | None, size: int, count: int) -> tuple[int, int]:
    if window is None:
        raise Inexpressible(
            f"it takes maxima of {size} pixels in {count} windows that are not all alike; binpool takes means"
        )
    return window


def pad(call: Call) -> None:
    """Padding, given from the last axis on: before and after it, before and after the one before it, ..."""
    numbers, rank = [int(n) for n in call.get("pad")], len(call.output)
    before, after = [0] * rank, [0] * rank
    for place in range(len(numbers) // 2):
        before[rank - 1 - place], after[rank - 1 - place] = numbers[2 * place : 2 * place + 2]
    if not any(numbers):
        call.same(call.get("self"))
        return
    fill = float(call.get("value", 0) or 0)
    pads = call.constant(np.array([*before, *after], np.int64))
    mode = call.get("mode", "constant")
    call.emit("Pad", call.value(call.get("self")), pads, call.constant(np.float64(fill)), mode=mode)


def _each(numbers: int | Sequence[int], axes: int = 2) -> list[int]:
    """Return a number for each axis, where a single one holds for all."""
    values = [numbers] if isinstance(numbers, int) else [int(number) for number in numbers]
    return values * axes if len(values) == 1 else values
