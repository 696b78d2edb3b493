"""Activation functions: layers, operations, and the argument ``activation`` of other layers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from netspec.importers.keras_file.graph.building import Convert, Step, Val
from netspec.importers.keras_file.graph.learning import keys_of_slopes
from netspec.importers.keras_file.model.fields import Broken, Fields
from netspec.importers.spec.problem import NO_LAYER, NO_SOFTPLUS, Inexpressible

Function = Callable[[Step, Val, Fields], Val]


def _plain(op: str, **attributes: Any) -> Function:
    return lambda step, x, given: step.each(op, x, **attributes)


def _relu(step: Step, x: Val, given: Fields) -> Val:
    """f(x) = max_value above it, x from the threshold on, and negative_slope (x - threshold) below it."""
    slope = given.real("negative_slope", given.real("alpha", 0.0))
    top = given.get("max_value")
    if given.real("threshold", 0.0):
        raise Inexpressible("its threshold is not 0; a spec's relu puts 0 in place of what is below 0")
    if slope and top is not None:
        raise Inexpressible("it has both a slope and a limit; a spec's functions have one of them")
    if slope:
        return step.each("LeakyRelu", x, alpha=slope)
    return step.each("Relu", x) if top is None else step.each("Clip", x, min=0.0, max=given.real("max_value"))


def _leaky(default: float) -> Function:
    def convert(step: Step, x: Val, given: Fields) -> Val:
        return step.each("LeakyRelu", x, alpha=given.real("negative_slope", given.real("alpha", default)))

    return convert


def _hard_sigmoid(step: Step, x: Val, given: Fields) -> Val:
    """relu6(x + 3) / 6, and before Keras 3 max(0, min(1, 0.2 x + 0.5)), which is the same of 1.2 x."""
    if step.building.old:
        x = step.each("Mul", x, step.constant(1.2))
    return step.each("HardSigmoid", x, alpha=1 / 6, beta=0.5)


def _gelu(step: Step, x: Val, given: Fields) -> Val:
    return step.each("Gelu", x, approximate="tanh" if given.flag("approximate", False) else "none")


def _over_axis(op: str) -> Function:
    """Return softmax, or its logarithm, over an axis."""

    def convert(step: Step, x: Val, given: Fields) -> Val:
        axis = given.get("axis", -1)
        axes = axis if isinstance(axis, list) else [axis]
        if len(axes) != 1:
            raise Inexpressible("it is over several axes; a spec's softmax is over the channels")
        return step.each(op, x, axis=x.order[x.axis(given.count(axes[0], "axis", -9))])

    return convert


def _alpha(op: str) -> Function:
    return lambda step, x, given: step.each(op, x, alpha=given.real("alpha", 1.0))


FUNCTIONS: Mapping[str, Function] = {
    "linear": lambda step, x, given: x,
    "relu": _relu,
    "re_lu": _relu,
    "relu6": _plain("Clip", min=0.0, max=6.0),
    "leaky_relu": _leaky(0.2),
    "elu": _alpha("Elu"),
    "celu": _alpha("Celu"),
    "selu": _plain("Selu", alpha=1.6732632423543772848170429916717, gamma=1.0507009873554804934193349852946),
    "sigmoid": _plain("Sigmoid"),
    "tanh": _plain("Tanh"),
    **dict.fromkeys(("silu", "swish"), _plain("Silu")),
    "gelu": _gelu,
    "hard_sigmoid": _hard_sigmoid,
    **dict.fromkeys(("hard_silu", "hard_swish"), _plain("HardSwish")),
    "hard_tanh": _plain("Clip", min=-1.0, max=1.0),
    "mish": _plain("Mish"),
    "softmax": _over_axis("Softmax"),
    "log_softmax": _over_axis("LogSoftmax"),
    **{word: _plain(op) for word, op in (("abs", "Abs"), ("absolute", "Abs"), ("square", "Square"), ("sqrt", "Sqrt"))},
    **{word: _plain(op) for word, op in (("log", "Log"), ("negative", "Neg"))},
}
"""By the word that Keras has for them."""

_REASONS = {"softplus": NO_SOFTPLUS}


def activated(step: Step, x: Val) -> Val:
    """Return a value with the layer's ``activation`` applied."""
    given = step.config.get("activation", "linear")
    if isinstance(given, dict):  # a layer, or a function, as an object
        if given.get("module") == "builtins" and isinstance(given.get("config"), str):
            given = given["config"]
        else:
            config, registered = given.get("config"), str(given.get("registered_name"))
            word = config if isinstance(config, str) else given.get("class_name")
            if ">" in registered and not registered.lower().startswith("keras"):
                raise Inexpressible(f"its activation {registered} is a function of another program")
            fields = Fields(config if isinstance(config, dict) else {}, step.layer.name)
            return function(step, x, str(word), fields, of_layer=isinstance(config, dict))
    if not isinstance(given, str):
        raise step.config.wrong("activation", given, "the name of a function")
    return function(step, x, given, Fields({}, step.layer.name))


def function(step: Step, x: Val, word: str, given: Fields, *, of_layer: bool = False) -> Val:
    """Return a value with a function applied. ``of_layer``: the word is that of a class."""
    name = snake(word.rpartition(".")[2].rpartition(">")[2])
    if of_layer and name == "leaky_re_lu":
        return _leaky(0.3)(step, x, given)
    convert = FUNCTIONS.get(name)
    if convert is None:
        raise Inexpressible(f"of its activation {word}, {_REASONS.get(name, NO_LAYER)}")
    return convert(step, x, given)


def snake(word: str) -> str:
    """Return the name of a class as that of a function: ``HardSilu`` is ``hard_silu``, ``ReLU`` ``re_lu``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", word).lower()


def layer(word: str) -> Convert:
    """Return the conversion of a layer that is a function with the arguments of its configuration."""

    def convert(step: Step) -> Val:
        return FUNCTIONS[word](step, step.x, Fields({**step.named, **step.config.values}, step.layer.name))

    return convert


def leaky_layer(step: Step) -> Val:
    """The layer LeakyReLU, whose slope is 0.3 unless it states another."""
    return _leaky(0.3)(step, step.x, step.config)


def prelu(step: Step) -> Val:
    """A slope for each channel, or one for all."""
    x, shared = step.x, [step.x.axis(step.config.count(axis, "shared_axes", 1)) for axis in
                         step.config.items("shared_axes")]  # fmt: skip
    shape = tuple(1 if axis in shared else size for axis, size in enumerate(x.sizes))[1:]
    if len(x.sizes) == 4 and sum(size > 1 for size in shape) > 1:
        raise Inexpressible(
            "it has a slope for each unit; a spec's prelu has one for each channel (shared_axes=[1, 2])"
        )
    form = tuple((1, *shape)[x.order.index(axis)] for axis in range(len(x.sizes)))[1:]
    slopes = step.weight(0, "alpha", shape, form, lambda array: np.reshape(array, form))
    return step.each("PRelu", x, slopes, learning=keys_of_slopes(step, "alpha", "zeros"))


def clip(step: Step) -> Val:
    """A value kept between two numbers."""
    return step.each("Clip", step.x, min=step.config.real("x_min"), max=step.config.real("x_max"))


def softmax_layer(step: Step) -> Val:
    """The layer Softmax; one with a mask reads two values."""
    if len(step.values) > 1:
        raise Inexpressible("it has a mask")
    return FUNCTIONS["softmax"](step, step.x, step.config)


def activation(step: Step) -> Val:
    """The layer Activation."""
    if step.config.get("activation") is None:
        raise Broken(f"{step.layer.name} does not state activation")
    return activated(step, step.x)
