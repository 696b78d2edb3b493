"""Fully connected layers, normalisations, dropout, and layers that only move numbers."""

from __future__ import annotations

import math
from typing import Any

from netspec.formatting import format_sizes
from netspec.importers.keras_file.graph.building import Convert, Step, Val
from netspec.importers.keras_file.graph.functions import activated
from netspec.importers.keras_file.graph.learning import keys_of, keys_of_coefficients, keys_of_slopes
from netspec.importers.keras_file.model.fields import Broken
from netspec.importers.spec.problem import Inexpressible
from netspec.keys.texts import call, number


def dense(step: Step) -> Val:
    """A fully connected layer, or one of each pixel."""
    x, units = step.x, step.config.whole("units")
    if step.config.get("quantization_config") is not None:
        raise Inexpressible("its weights are quantised; a spec computes with real numbers")
    weight = step.weight(0, "kernel", (x.sizes[-1], units))
    bias = [step.weight(1, "bias", (units,))] if step.config.flag("use_bias", True) else []
    after, learning = (*x.sizes[:-1], units), keys_of(step, "kernel", (x.sizes[-1], units))
    if len(x.sizes) == 2:
        return activated(step, step.of_plain(step.add("Gemm", [x.name, weight, *bias], after, learning=learning)))
    name = step.add("MatMul", [step.plain(x), weight], after, learning=learning)
    if bias:
        name = step.add("Add", [name, *bias], after)
    return activated(step, step.of_plain(name))


def batch_norm(step: Step) -> Val:
    """Batch normalisation with running statistics, whose momentum is the share that remains of them."""
    x = step.x
    axis = _axis(step)
    if step.config.flag("renorm", False):
        raise Inexpressible("it renormalises batches (renorm=True), which a spec's batchnorm does not")
    # The graph has the channels at axis 1, as the operator needs them, or a Transpose puts them there.
    order = x.order if x.order[axis] == 1 else None
    others = [other for other in range(1, len(x.sizes)) if other != axis]
    name = x.name if order else step.ordered(x, (0, axis, *others))
    sizes = x.own_sizes if order else tuple(x.sizes[a] for a in (0, axis, *others))
    gamma, beta = _affine(step, x.sizes[axis])
    words = {"gamma": bool(gamma), "beta": bool(beta)}
    statistics = enumerate(("moving_mean", "moving_variance"), start=sum(words.values()))
    inputs = [gamma, beta, *(step.weight(place, word, (x.sizes[axis],)) for place, word in statistics)]
    given = {"epsilon": step.config.real("epsilon", 1e-3), "momentum": step.config.real("momentum", 0.99)}
    if not step.config.flag("trainable", True):
        step.building.leave_out("that it uses its running averages in training too (trainable=False)", step.layer.name)
    name = step.add("BatchNormalization", [name, *inputs], sizes, learning=keys_of_coefficients(step, words), **given)
    return Val(name, x.sizes, order or _inverse((0, axis, *others)))


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(order.index(axis) for axis in range(len(order)))


def _axis(step: Step) -> int:
    """Return the axis that a normalisation is for."""
    value = step.config.get("axis", -1)
    axes = value if isinstance(value, list) else [value]
    if len(axes) != 1:
        raise Inexpressible("it normalises over several axes together; a spec does over the channels")
    axis = step.x.axis(step.config.count(axes[0], "axis", -9))
    if axis == 0:
        raise Inexpressible("it normalises over the images of a batch")
    return axis


def _affine(step: Step, channels: int) -> tuple[str, str]:
    """Add the scale and the shift of a normalisation, and return their names, empty where it has none."""
    words = [word for word, flag in (("gamma", "scale"), ("beta", "center")) if step.config.flag(flag, True)]
    names = {word: step.weight(place, word, (channels,)) for place, word in enumerate(words)}
    return names.get("gamma", ""), names.get("beta", "")


def layer_norm(step: Step) -> Val:
    """Layer normalisation over the channels, the last axis."""
    x, axis = step.x, _axis(step)
    if step.config.flag("rms_scaling", False):
        raise Inexpressible("it divides by the root of the mean square; a spec's layernorm subtracts the mean first")
    gamma, beta = _affine(step, x.sizes[axis])
    others = [other for other in range(len(x.sizes)) if other != axis]
    name = step.ordered(x, (*others, axis))
    sizes = tuple(x.sizes[a] for a in (*others, axis))
    inputs = [name, gamma, beta]
    fixed = keys_of_coefficients(step, {"gamma": bool(gamma), "beta": bool(beta)})
    given = {"axis": -1, "epsilon": step.config.real("epsilon", 1e-3)}
    name = step.add("LayerNormalization", inputs, sizes, learning=fixed, **given)
    return Val(name, x.sizes, _inverse((*others, axis)))


def group_norm(step: Step) -> Val:
    """Group normalisation; -1 groups are as many as channels."""
    x, axis = step.x, _axis(step)
    channels = x.sizes[axis]
    groups = step.config.whole("groups", 32, -1)
    groups = channels if groups == -1 else groups
    if groups < 1 or channels % groups:
        raise Broken(f"{step.layer.name}: {groups} groups do not divide {channels} channels")
    gamma, beta = _affine(step, channels)
    others = [other for other in range(1, len(x.sizes)) if other != axis]
    order = (0, axis, *others)
    affine = {word: name for word, name in (("scale", gamma), ("shift", beta)) if name}
    sizes = tuple(x.sizes[a] for a in order)
    fixed = keys_of_coefficients(step, {"gamma": bool(gamma), "beta": bool(beta)})
    given = {"groups": groups, "epsilon": step.config.real("epsilon", 1e-3), "learning": fixed}
    name = step.add("GroupNorm", [step.ordered(x, order)], sizes, **given, **affine)
    return Val(name, x.sizes, _inverse(order))


def flatten(step: Step) -> Val:
    """All numbers of an image in one axis, the channels last whatever the order of the axes is."""
    x = step.x
    order = (0, *range(2, len(x.sizes)), 1) if step.data_format == "channels_first" else range(len(x.sizes))
    name = step.ordered(x, [*order])
    return step.of_plain(step.add("Reshape", [name], (x.sizes[0], math.prod(x.sizes[1:]))))


def reshape(step: Step) -> Val:
    """Another shape, of which one number may be -1."""
    x = step.x
    given = next((step.config.get(word) for word in ("target_shape", "newshape") if step.config.get(word)), None)
    if not isinstance(given, list):
        raise step.config.wrong("target_shape", given, "a list of numbers")
    numbers = [step.config.count(n, "target_shape", -1) for n in given]
    if step.config.get("newshape"):
        numbers = numbers[1:]
    known, units = math.prod(n for n in numbers if n > 0), math.prod(x.sizes[1:])
    if 0 in numbers or numbers.count(-1) > 1 or units % known or (-1 not in numbers and known != units):
        raise Broken(f"{step.layer.name}: {format_sizes(x.sizes[1:])} cannot become {'x'.join(map(str, numbers))}")
    sizes = (x.sizes[0], *(units // known if n == -1 else n for n in numbers))
    if len(x.sizes) == 2 and len(sizes) == 4 and step.data_format == "channels_last" and _is_vector(step, x):
        # A spec fills images channel by channel: a shuffle has the numbers of each together.
        pixels, channels = sizes[1] * sizes[2], sizes[3]
        name = x.name
        if 1 not in (pixels, channels):
            name = step.add("ChannelShuffle", [name], x.sizes, axis=1, groups=pixels)
        return step.of_image(step.add("Reshape", [name], (sizes[0], channels, *sizes[1:3])))
    return step.of_plain(step.add("Reshape", [step.plain(x)], sizes))


def _is_vector(step: Step, x: Val) -> bool:
    """Whether a vector is not an image that was flattened, back through functions of each number."""
    node = step.building.producers.get(x.name)
    while node is not None and step.building.shapes[node.outputs[0]] == x.sizes and node.op not in ("Gemm", "Reshape"):
        node = step.building.producers.get(node.inputs[0])
    return node is None or node.op != "Reshape"


def permute(step: Step) -> Val:
    """Another order of the axes."""
    x, dims = step.x, step.config.items("dims")
    order = (0, *(step.config.count(n, "dims", 1) for n in dims))
    if sorted(order) != [*range(len(x.sizes))]:
        raise Broken(f"{step.layer.name}: {dims} is no order of {len(x.sizes) - 1} axes")
    return Val(x.name, tuple(x.sizes[a] for a in order), tuple(x.order[a] for a in order))


def same(step: Step) -> Val:
    """The value itself."""
    return step.x


def only_in_training(what: str) -> Convert:
    """Return the conversion of a layer that does something in training alone, which the spec leaves out."""

    def convert(step: Step) -> Val:
        step.building.leave_out(f"{step.layer.kind}, {what}", step.layer.name)
        return step.x

    return convert


def dropout(rate: str = "rate", over: str = "") -> Convert:
    """Return the conversion of a dropout. ``over`` is what drops as a whole."""

    def convert(step: Step) -> Val:
        x, share = step.x, step.config.real(rate, 0.0)
        if not 0 <= share < 1:
            raise Broken(f"{step.layer.name}: {rate} is {share:g}, not a share from 0 to 1")
        whole = over or _noise(step)
        if share == 0:
            return x
        if whole == "channels" and len(x.sizes) == 4:
            name = step.add("Dropout", [step.image()[0]], _first(step), ratio=share, over=whole)
            return step.of_image(name)
        given: dict[str, Any] = {"over": whole} if whole and len(x.sizes) == 4 else {}
        return step.each("Dropout", x, ratio=share, **given)

    return convert


def _first(step: Step) -> tuple[int, ...]:
    return step.image()[1]


def _noise(step: Step) -> str:
    """Return what has one random number by the argument ``noise_shape``: 1 where an axis has a single one."""
    shape = step.config.get("noise_shape")
    if shape is None:
        return ""
    axes = shape if isinstance(shape, list) else []
    channels = len(axes) - 1 if step.data_format == "channels_last" else 1
    single = [place for place, size in enumerate(axes) if size == 1]
    whole = [place for place in range(1, len(axes)) if place not in single]
    if len(axes) == 4 and axes[0] != 1 and whole in ([], [channels]):
        return "channels" if whole else "images"
    raise Inexpressible(f"its noise_shape is {shape}; a spec's drops units, channels or images")


def scaled(step: Step) -> Val:
    """Rescaling: scale x + offset, numbers, or one for each channel."""
    scale, offset = factors(step)
    return affine(step, step.x, scale, offset)


def factors(step: Step) -> tuple[list[float], list[float]]:
    """Return the factors of a Rescaling, and what it adds."""
    found = []
    for word in ("scale", "offset"):
        value = step.config.get(word, 0.0)
        items = value if isinstance(value, list) else [value]
        if not items:
            raise step.config.wrong(word, value, "a number")
        found.append([step.config.number(item, word) for item in items])
    return found[0], found[1]


def affine(step: Step, x: Val, scale: list[float], offset: list[float]) -> Val:
    """Return a x + b, with numbers or one for each place on the last axis."""
    for op, numbers, usual in (("Mul", scale, 1.0), ("Add", offset, 0.0)):
        if len(numbers) not in (1, x.sizes[-1]):
            raise Broken(f"{step.layer.name} has {len(numbers)} numbers for {x.sizes[-1]} channels")
        if any(number != usual for number in numbers):
            x = step.each(op, x, step.constant(numbers[0]) if len(numbers) == 1 else step.along(x, -1, numbers))
    return x


def layer_scale(step: Step) -> Val:
    """A learnt factor for each channel, of ConvNeXt in keras.applications."""
    x, channels = step.x, step.x.sizes[-1]
    form = [1] * len(x.sizes)
    form[x.order[-1]] = channels
    gamma = step.weight(0, "gamma", (channels,), tuple(form)[1:], lambda array: array.reshape(form[1:]))
    start = {"init": call("constant", number(step.config.real("init_values", 1e-6)))}
    return step.each("Mul", x, gamma, learning=keys_of_slopes(step, "gamma", "ones") | start)
