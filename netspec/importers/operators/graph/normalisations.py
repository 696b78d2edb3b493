"""The patterns of normalisations that are written as several operators."""

from __future__ import annotations

import numpy as np

from netspec.importers.operators.graph.model import Model, Node, Tensor
from netspec.importers.operators.graph.patterns import Match, Pattern, made_by, scaled, shifted


def layer_norm(model: Model, node: Node) -> Match | None:
    """(x - mean) / sqrt(variance + eps) along one axis, or along rows and columns of each channel or of all. The
    difference may be computed twice."""
    root = made_by(model, node.inputs[1], "Sqrt") if node.op == "Div" else None
    add = model.producers.get(root.inputs[0]) if root is not None else None
    sum_ = shifted(model, add)
    variance = made_by(model, sum_[0], "ReduceMean") if sum_ is not None else None
    square = made_by(model, variance.inputs[0], "Square") if variance is not None else None
    if root is None or add is None or sum_ is None or variance is None or square is None:
        return None
    centred, squared = (_centred(model, value) for value in (node.inputs[0], square.inputs[0]))
    if not centred or not squared or centred[0].inputs[0] != squared[0].inputs[0]:
        return None
    means = (centred[1], squared[1], variance)
    axes = _axes(model, variance)
    if axes is None or any(_axes(model, mean) != axes for mean in means):
        return None
    if not all(mean.attributes.get("keepdims", 1) for mean in means):
        return None
    inner = {id(step): step for step in (root, add, variance, square, *centred, *squared)}
    x, shape = centred[0].inputs[:1], model.shapes.get(centred[0].inputs[0], ())
    if len(axes) == 1:
        return Match("LayerNorm", x, (*inner.values(),), {"axis": axes[0], "epsilon": sum_[1]})
    groups = {(-2, -1): shape[1:2], (-3, -2, -1): (1,)}.get(axes, ()) if len(shape) == 4 else ()
    return Match("GroupNorm", x, (*inner.values(),), {"groups": groups[0], "epsilon": sum_[1]}) if groups else None


def quotient(model: Model, node: Node) -> Match | None:
    """x times 1 / y, as of rsqrt."""
    for x, other in (node.inputs, node.inputs[::-1]) if node.op == "Mul" and len(node.inputs) == 2 else ():
        inner = model.producers.get(other)
        if inner is not None and inner.op == "Reciprocal":
            return Match("Div", (x, inner.inputs[0]), (inner,))
        if inner is not None and inner.op == "Div" and model.number(inner.inputs[0]) == 1:
            return Match("Div", (x, inner.inputs[1]), (inner,))
    return None


def _centred(model: Model, value: str) -> tuple[Node, Node] | None:
    """Return the nodes of a difference from a mean, and of the mean."""
    difference = made_by(model, value, "Sub")
    mean = made_by(model, difference.inputs[1], "ReduceMean") if difference is not None else None
    if difference is None or mean is None or mean.inputs[0] != difference.inputs[0]:
        return None
    return difference, mean


def group_norm(model: Model, node: Node) -> Match | None:
    """InstanceNormalization of the groups as rows of numbers, between two Reshape."""
    norm = made_by(model, node.inputs[0], "InstanceNormalization") if node.op == "Reshape" else None
    before = made_by(model, norm.inputs[0], "Reshape") if norm is not None else None
    if norm is None or before is None:
        return None
    x = before.inputs[0]
    shape, rows = model.shapes.get(x), model.shapes.get(before.outputs[0])
    if shape is None or rows is None or len(rows) < 3 or model.shapes.get(node.outputs[0]) != shape:
        return None
    groups = rows[1]
    unit = all(_is_constant(model.tensors.get(norm.inputs[i]), value) for i, value in ((1, 1.0), (2, 0.0)))
    if rows[0] != shape[0] or shape[1] % groups or not unit:
        return None
    return Match("GroupNorm", (x,), (before, norm), {"groups": groups, **norm.attributes})


def with_scale_or_shift(model: Model, node: Node) -> Match | None:
    """A recognised normalisation, times a constant for each channel, and then plus one."""
    if node.op not in ("Mul", "Add") or len(node.inputs) != 2:
        return None
    for value, other in (node.inputs, node.inputs[::-1]):
        norm, tensor = model.producers.get(value), model.tensors.get(other)
        if norm is None or tensor is None or tensor.size == 1 or not _is_by_channel(model, norm, tensor):
            continue
        part = "scale" if node.op == "Mul" else "shift"
        if part not in norm.attributes and "shift" not in norm.attributes:
            return Match(norm.op, norm.inputs, (norm,), {**norm.attributes, part: other})
    return None


def _is_by_channel(model: Model, norm: Node, tensor: Tensor) -> bool:
    """Whether a constant has different numbers only along the axis of a recognised normalisation's channels."""
    shape = model.shapes.get(norm.inputs[0])
    if norm.op not in ("LayerNorm", "GroupNorm") or shape is None:
        return False
    axis = norm.attributes["axis"] if norm.op == "LayerNorm" else 1 - len(shape)  # from the end
    return len(tensor.shape) >= -axis and tensor.shape[axis] == tensor.size


def grouped_lrn(model: Model, node: Node) -> Match | None:
    """The same LRN of each of the equal parts of a Split along the channels, joined by a Concat."""
    if node.op != "Concat" or node.attributes.get("axis") != 1 or len(node.inputs) < 2:
        return None
    norms = [made_by(model, value, "LRN") for value in node.inputs]
    split = made_by(model, norms[0].inputs[0], "Split") if norms[0] is not None else None
    parts = [norm.inputs[0] for norm in norms if norm is not None]
    if split is None or parts != list(split.outputs) or split.attributes.get("axis", 0) != 1:
        return None
    found = [norm for norm in norms if norm is not None]
    shapes = {model.shapes.get(part) for part in parts}
    if any(norm.attributes != found[0].attributes for norm in found) or len(shapes) > 1 or None in shapes:
        return None
    return Match("LRN", split.inputs[:1], (split, *found), {**found[0].attributes, "groups": len(found)})


def map_norm(model: Model, node: Node) -> Match | None:
    """x (k + alpha mean)^-beta, where the mean is an average of the squares over a square of pixels, zeros included."""
    if node.op != "Mul" or len(node.inputs) != 2:
        return None
    for x, factor in (node.inputs, node.inputs[::-1]):
        power = made_by(model, factor, "Pow")
        add = model.producers.get(power.inputs[0]) if power is not None else None
        sum_ = shifted(model, add)
        beta = model.number(power.inputs[1]) if power is not None else None
        if power is None or add is None or sum_ is None or beta is None:
            continue
        means = scaled(model, sum_[0])
        pool = made_by(model, means.values[0], "AveragePool")
        square = made_by(model, pool.inputs[0], "Square") if pool is not None else None
        if pool is None or square is None or square.inputs[0] != x or (size := _side_averaged(pool)) == 0:
            continue
        inner = (power, add, *means.inner, pool, square)
        return Match("MapNorm", (x,), inner, {"size": size, "alpha": means.factor, "beta": -beta, "bias": sum_[1]})
    return None


def _side_averaged(pool: Node) -> int:
    """Return the side of the square around each pixel that an AveragePool averages, 0 if it does something else."""
    kernel, strides = pool.attributes.get("kernel_shape", ()), pool.attributes.get("strides", ())
    size = int(kernel[0])
    pads = [size // 2] * 2 + [size - 1 - size // 2] * 2
    plain = list(kernel) == [size] * 2 and set(strides) <= {1} and list(pool.attributes.get("pads", ())) == pads
    return size if plain and pool.attributes.get("count_include_pad", 0) else 0


def torch_lrn(model: Model, node: Node) -> Match | None:
    """x / (k + alpha mean)^beta, where the mean is an average of the squares over neighbouring channels.

    PyTorch computes it by average pooling of the channels as the depth of a volume, with zeros around them.
    """
    power = made_by(model, node.inputs[1], "Pow") if node.op == "Div" else None
    add = model.producers.get(power.inputs[0]) if power is not None else None
    sum_ = shifted(model, add)
    beta = model.number(power.inputs[1]) if power is not None else None
    if power is None or add is None or sum_ is None or beta is None:
        return None
    means, x = scaled(model, sum_[0]), node.inputs[0]
    inner: list[Node] = [power, add, *means.inner]
    value, size = means.values[0], 0
    while value != x:
        step = model.producers.get(value)
        if step is None or step.op not in _OF_TORCH_LRN:
            return None
        inner.append(step)
        value = step.inputs[0]
        if step.op == "AveragePool":
            size = _channels_averaged(step) if size == 0 else 0
            if size == 0:
                return None
        if step.op == "Square":
            break
    padded = [step for step in inner if step.op == "Pad"]
    if value != x or size == 0 or not padded or not _pads_channels(model, padded, size, x):
        return None
    about = {"size": size, "alpha": means.factor, "beta": beta, "bias": sum_[1], "further": "down"}
    return Match("LRN", (x,), tuple(inner), about)


_OF_TORCH_LRN = ("Reshape", "Squeeze", "Unsqueeze", "AveragePool", "Pad", "Square")


def _channels_averaged(pool: Node) -> int:
    """Return over how many channels an AveragePool averages, 0 if it is not one over neighbouring channels alone."""
    kernel = tuple(pool.attributes.get("kernel_shape", ()))
    plain = all(n == 1 for n in pool.attributes.get("strides", ())) and not any(pool.attributes.get("pads", ()))
    alone = len(kernel) in (2, 3) and kernel[1:] == (1,) * (len(kernel) - 1)
    plain = plain and pool.attributes.get("auto_pad", "NOTSET") in ("NOTSET", "VALID")
    return int(kernel[0]) if plain and alone else 0


def _pads_channels(model: Model, steps: list[Node], size: int, x: str) -> bool:
    """Whether one Pad puts zeros before and after the channels only, so that an odd window is centred, and an even one
    extends further down than up.

    These are the third axis: the second one has length 1.
    """
    volume, image = (model.shapes.get(name, ()) for name in (steps[0].inputs[0], x))
    if volume[:3] != (*image[:1], 1, *image[1:2]):
        return False
    mode = steps[0].attributes.get("mode", "constant")
    if len(steps) != 1 or len(steps[0].inputs) < 2 or mode != "constant":
        return False
    pads, fill = model.tensors.get(steps[0].inputs[1]), [model.number(name) for name in steps[0].inputs[2:3] if name]
    if pads is None or fill not in ([], [0.0]) or len(steps[0].inputs) > 3:
        return False
    numbers = [int(n) for n in pads.read()]
    half = len(numbers) // 2
    depth = {4: 2, 5: 2}.get(half)
    expected = [0] * len(numbers)
    if depth is None:
        return False
    expected[depth], expected[half + depth] = size // 2, (size - 1) // 2
    return numbers == expected


def channels_apart(model: Model, node: Node) -> Match | None:
    """a x + b of each channel of an image by itself, joined by a Concat: torchvision's ``transform_input``."""
    if node.op != "Concat" or node.attributes.get("axis") != 1:
        return None
    parts = [part for value in node.inputs if (part := _one_channel(model, value)) is not None]
    images = {gather.inputs[0] for gather, *_ in parts}
    shape = model.shapes.get(next(iter(images))) if len(images) == 1 else None
    if shape is None or len(shape) != 4 or len(parts) != len(node.inputs):
        return None
    numbers = [model.number(gather.inputs[1]) for gather, *_ in parts]
    alone = {model.shapes.get(value) for value in node.inputs} == {(shape[0], 1, *shape[2:])}
    if numbers != list(range(shape[1])) or not alone:
        return None
    inner = tuple(step for _, steps, *_ in parts for step in steps)
    about = {"scale": [scale for *_, scale, _ in parts], "shift": [shift for *_, shift in parts]}
    return Match("ChannelsApart", tuple(images), inner, about)


def _one_channel(model: Model, value: str) -> tuple[Node, tuple[Node, ...], float, float] | None:
    """Return the Gather of one channel, all nodes that compute ``a x + b`` of it, a and b."""
    add = model.producers.get(value)
    sum_ = shifted(model, add)
    product = scaled(model, sum_[0] if sum_ is not None else value)
    unsqueeze = made_by(model, product.values[0], "Unsqueeze")
    gather = made_by(model, unsqueeze.inputs[0], "Gather") if unsqueeze is not None else None
    if unsqueeze is None or gather is None or gather.attributes.get("axis", 0) != 1:
        return None
    last = (add,) if sum_ is not None and add is not None else ()
    return gather, (*last, *product.inner, unsqueeze, gather), product.factor, sum_[1] if sum_ is not None else 0.0


def _axes(model: Model, node: Node) -> tuple[int, ...] | None:
    """Return the axes of a reduction, counted from the end."""
    shape, axes = model.shapes.get(node.inputs[0]), model.axes_of(node)
    if axes is None or shape is None:
        return None
    return tuple(sorted(axis % len(shape) - len(shape) for axis in axes))


def _is_constant(tensor: Tensor | None, number: float) -> bool:
    return tensor is not None and bool(np.all(tensor.values() == number))


PATTERNS: tuple[Pattern, ...] = (
    quotient,
    layer_norm,
    group_norm,
    with_scale_or_shift,
    grouped_lrn,
    map_norm,
    torch_lrn,
    channels_apart,
)
