"""Transposed convolution."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.formatting import plural
from netspec.importers.operators.spec.lines import Site
from netspec.importers.operators.spec.windows import give_bias, pair, weighted_line
from netspec.importers.spec.keys import convolution_keys
from netspec.importers.spec.problem import Inexpressible
from netspec.ir.fault import Fault
from netspec.ir.shape import Shape
from netspec.ir.window import AXES, Pad, TransposedWindow


def conv_transpose(site: Site) -> None:
    """Transposed convolution. The weights are in netspec's layout already: channels x filters / groups x height x
    width."""
    x, weight, bias = site.image(), site.needed_tensor(1), site.tensor(2)
    if len(weight.shape) != 4:
        raise Inexpressible(f"it has {len(weight.shape) - 2} spatial axes; convolutions of a spec have 2")
    if weight.shape[0] != x.shape.channels:
        raise Inexpressible(f"its weights are for {weight.shape[0]} channels, and its input has {x.shape.channels}")
    groups, window = int(site.get("group", 1)), _window(site, x.shape, weight.shape[2:])
    try:
        rows, columns = window.fit(x.shape.height, x.shape.width)
    except Fault as fault:
        raise Inexpressible(f"a spec has no such window: {fault.notes[0]}") from None
    shape = Shape(weight.shape[1] * groups, rows.output, columns.output)
    sizes = site.output_sizes()
    if len(sizes) != 4:
        raise Inexpressible("its output_shape is smaller than what it reads, for which ONNX infers no sizes")
    if sizes[1:] != tuple(shape):
        raise Inexpressible(f"the model gives its output {sizes[2]} x {sizes[3]} pixels, its window another number")
    keys = convolution_keys(weight.shape[1] * groups, window, groups)
    line = weighted_line(site, "deconv", x, keys, shape, weight.read)
    site.result(x.of(line, shape))
    if bias is not None:
        give_bias(site, bias.read)


def _window(site: Site, x: Shape, kernel: Sequence[int]) -> TransposedWindow:
    stride, dilation = (pair(site.get(name, (1, 1))) for name in ("strides", "dilations"))
    window = TransposedWindow((kernel[0], kernel[1]), stride, dilation=dilation)
    top, left, bottom, right = _cut(site, window, x)
    return TransposedWindow(window.kernel, stride, Pad(left, right, top, bottom), dilation)


def _cut(site: Site, window: TransposedWindow, x: Shape) -> tuple[int, int, int, int]:
    """Return the pixels that are cut off the top, left, bottom and right (ONNX: Operators, ConvTranspose).

    The file says them, or the size of the output. Then an odd number to cut off is divided as ``auto_pad`` says; if it
    says nothing, ONNX's text and onnxruntime disagree.
    """
    added = pair(site.get("output_padding", (0, 0)))
    word, size = site.get("auto_pad", "NOTSET") or "NOTSET", site.get("output_shape")
    same = word.startswith("SAME")
    if size is None and not same:
        top, left, bottom, right = (0, 0, 0, 0) if word == "VALID" else site.get("pads", (0, 0, 0, 0))
        return int(top), int(left), int(bottom) - added[0], int(right) - added[1]
    wanted = pair(size[-2:]) if size is not None else (x.height * window.stride[0], x.width * window.stride[1])
    before, after = [], []
    for axis, side, more, output in zip(AXES, x[1:], added, wanted, strict=True):
        total = window.full_size(axis, side) + more - output
        if total > 0 and total % 2 and not same:
            raise Inexpressible(
                f"it cuts off {plural(total, 'pixel')} of its {axis}, and does not say of which side more; runtimes "
                "disagree"
            )
        smaller = max(0, total) // 2  # an output that is larger than the windows is so at its far end
        first = total - smaller if word == "SAME_LOWER" and total > 0 else smaller
        before.append(first)
        after.append(total - first - more)
    return before[0], before[1], after[0], after[1]
