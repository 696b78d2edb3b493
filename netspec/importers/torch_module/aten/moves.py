"""Operators of PyTorch that move numbers without computing anything."""

from __future__ import annotations

import numpy as np
import torch

from netspec.importers.spec.problem import Inexpressible
from netspec.importers.torch_module.aten.windows import REPEATED
from netspec.importers.torch_module.calls import Call

_WHOLE = 7
"""ONNX's type int64, for whole numbers and truth values."""


def same(call: Call) -> None:
    """The first argument itself."""
    call.same(next(iter(call.arguments.values())))


def cast(call: Call) -> None:
    """Another type or device. What only the type of real numbers differs in is the same."""
    value = call.node.meta["val"]
    if value.is_floating_point():
        same(call)
    else:
        call.emit("Cast", call.value(next(iter(call.arguments.values()))), to=_WHOLE)


def reshape(call: Call) -> None:
    """Another shape."""
    call.emit("Reshape", call.value(call.get("self")))


def expand(call: Call) -> None:
    """A value repeated along axes of length 1."""
    call.emit("Expand", call.value(call.get("self")))


def repeat(call: Call) -> None:
    """A value repeated along one axis, as a concatenation."""
    times = [int(number) for number in call.get("repeats", call.get("dims"))]
    times = [*[1] * (len(call.sizes("self")) - len(times)), *times]
    repeated = [axis for axis, number in enumerate(times) if number != 1]
    if not repeated and len(times) == len(call.sizes("self")):
        same(call)
        return
    if len(repeated) != 1 or len(times) != len(call.sizes("self")) or times[repeated[0]] < 1:
        raise Inexpressible("it repeats a value along several axes")
    call.emit("Concat", *[call.value(call.get("self"))] * times[repeated[0]], axis=repeated[0])


def repeat_each(call: Call) -> None:
    """repeat_interleave: each of an axis several times. Channels are concatenated and shuffled, pixels enlarged."""
    x, times, axis = call.get("self"), call.get("repeats"), call.get("dim")
    sizes = call.sizes("self")
    if not isinstance(times, int) or axis is None or times < 1 or len(sizes) < 2:
        raise Inexpressible("it repeats some of the numbers, or all of them in one row")
    if (axis := axis % len(sizes)) == 1:
        joined = call.inner("Concat", *[call.value(x)] * times, sizes=call.output, axis=1)
        call.emit("ChannelShuffle", joined, axis=1, groups=times)
    elif axis > 1 and len(sizes) == 4:
        call.emit("Resize", call.value(x), **REPEATED)
    else:
        raise Inexpressible("it repeats images, or axes of a value that is no image")


def stack(call: Call) -> None:
    """Values along a new axis."""
    values = [call.value(value) for value in call.get("tensors")]
    call.emit("Stack", *values, axis=call.get("dim", 0) % len(call.output))


def permute(call: Call) -> None:
    """Another order of the axes."""
    rank = len(call.output)
    call.emit("Transpose", call.value(call.get("self")), perm=[axis % rank for axis in call.get("dims")])


def move_axes(call: Call) -> None:
    """Some axes at other places, and the others in their order."""
    rank = len(call.output)
    sources, places = ([axis % rank for axis in _axes(call, name)] for name in ("source", "destination"))
    order = [axis for axis in range(rank) if axis not in sources]
    for place, source in sorted(zip(places, sources, strict=True)):
        order.insert(place, source)
    call.emit("Transpose", call.value(call.get("self")), perm=order)


def _axes(call: Call, name: str) -> list[int]:
    axes = call.get(name)
    return [axes] if isinstance(axes, int) else [*axes]


def transpose(call: Call) -> None:
    """Two axes exchanged, by default the last two."""
    order = [*range(len(call.output))]
    a, b = call.get("dim0", call.get("axis0", -2)), call.get("dim1", call.get("axis1", -1))
    order[a], order[b] = order[b], order[a]
    call.emit("Transpose", call.value(call.get("self")), perm=order)


def concat(call: Call) -> None:
    """Concatenation along an axis."""
    call.emit("Concat", *(call.value(value) for value in call.get("tensors")), axis=call.get("dim", 0))


def shuffle(call: Call) -> None:
    """channel_shuffle: the channels of several groups in turn."""
    call.emit("ChannelShuffle", call.value(call.get("self")), axis=1, groups=call.get("groups"))


def pixel_shuffle(call: Call) -> None:
    """pixel_shuffle: channels to the pixels of squares."""
    call.emit("DepthToSpace", call.value(call.get("self")), blocksize=call.get("upscale_factor"), mode="CRD")


def pixel_unshuffle(call: Call) -> None:
    """pixel_unshuffle: the pixels of squares to channels."""
    call.emit("PixelUnshuffle", call.value(call.get("self")), blocksize=call.get("downscale_factor"))


def split(call: Call) -> None:
    """chunk, split and their like: the parts along an axis."""
    values = call.node.meta["val"]
    axis = call.get("dim", 0) % len(values[0].shape)
    outputs = tuple(f"{call.node.name}:{place}" for place in range(len(values)))
    parts = [int(value.shape[axis]) for value in values]
    call.add("Split", (call.value(call.get("self")),), outputs, {"axis": axis, "split": parts}, call.output)
    call.building.shapes.update({name: tuple(v.shape) for name, v in zip(outputs, values, strict=True)})
    call.building.names[call.node] = outputs


def part(call: Call) -> None:
    """slice: some of an axis."""
    axis = call.get("dim", 0)
    size = call.sizes("self")[axis]
    end = min(int(call.get("end", size)), size)
    numbers = {"starts": [int(call.get("start", 0))], "ends": [end], "axes": [axis], "steps": [call.get("step", 1)]}
    if call.output == call.sizes("self") and numbers["steps"] == [1]:
        same(call)
    else:
        call.emit("Slice", call.value(call.get("self")), **numbers)


def narrow(call: Call) -> None:
    """A number of indices of an axis, from one on."""
    axis, start = call.get("dim"), call.get("start")
    if not isinstance(start, int):
        raise Inexpressible("where it begins is computed")
    start %= call.sizes("self")[axis]
    numbers = {"starts": [start], "ends": [start + call.get("length")], "axes": [axis], "steps": [1]}
    call.emit("Slice", call.value(call.get("self")), **numbers)


def flip(call: Call) -> None:
    """The reverse order along some axes."""
    axes = [*call.get("dims")]
    steps = {"starts": [-1] * len(axes), "ends": [-(2**31)] * len(axes), "axes": axes, "steps": [-1] * len(axes)}
    call.emit("Slice", call.value(call.get("self")), **steps)


def index(call: Call) -> None:
    """The indices of one axis that a constant lists."""
    listed = [(axis, given) for axis, given in enumerate(call.get("indices")) if given is not None]
    if len(listed) != 1:
        raise Inexpressible("it takes numbers by several lists of indices")
    axis, given = listed[0]
    if given.meta["val"].dtype in (torch.bool, torch.uint8):
        raise Inexpressible("it takes numbers by a mask")
    call.emit("Gather", call.value(call.get("self")), call.value(given), axis=axis)


def index_select(call: Call) -> None:
    """The indices of an axis that a constant lists."""
    call.emit("Gather", call.value(call.get("self")), call.value(call.get("index")), axis=call.get("dim"))


def select(call: Call) -> None:
    """One index of an axis, which is left out."""
    axis, index = call.get("dim"), call.get("index")
    size = call.sizes("self")[axis]
    call.emit("Gather", call.value(call.get("self")), call.constant(np.int64(index % size)), axis=axis)
