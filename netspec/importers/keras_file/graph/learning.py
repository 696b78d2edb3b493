"""How a layer is learnt: initial values, regularisers, constraints, and whether it is learnt at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from netspec.importers.keras_file.graph.building import Step
from netspec.importers.keras_file.model.fields import Fields
from netspec.importers.operators.graph.model import Sizes
from netspec.importers.spec.problem import Inexpressible
from netspec.keys.texts import call, number

_TRUNCATED = "initial values of a truncated normal distribution; a spec's is whole, with the same deviation"
_COUPLED = ("sgd", "adam", "rmsprop", "adagrad", "adadelta")
"""The update rules whose weight decay is a part of the gradient, as the gradient of Keras's regularisers is."""


def keys_of(step: Step, word: str, shape: Sizes, *, usual_fans: bool = True) -> dict[str, str]:
    """Return the keys of a layer with weights that say how they are learnt.

    ``word`` is what Keras calls the weights, ``kernel``, and ``shape`` their shape in Keras. ``usual_fans``: a spec
    counts what one of them reads, and is read by, as Keras does.
    """
    config, leave_out = step.config, step.building.leave_out
    keys = {}
    given, fields = _object(config, f"{word}_initializer", "GlorotUniform")
    try:
        keys["init"] = _initial(given, fields, shape, usual_fans, lambda: leave_out(_TRUNCATED, step.layer.name))
    except Inexpressible as problem:
        leave_out(str(problem), step.layer.name)
    has_bias = config.flag("use_bias", True)
    if has_bias:
        given, fields = _object(config, "bias_initializer", "Zeros")
        try:
            text = _initial(given, fields, shape[-1:], False, lambda: leave_out(_TRUNCATED, step.layer.name))
            if (bias := text.removeprefix("constant(").removesuffix(")")) != "0":
                keys["bias"] = bias if text.startswith("constant") else text
        except Inexpressible as problem:
            leave_out(str(problem), step.layer.name)
    for name, key in ((word, "decay"), *([("bias", "bias_decay")] if has_bias else [])):
        if config.get(f"{name}_regularizer") is not None and (decay := _decay(step, name)):
            keys[key] = decay
    for name in ("activity_regularizer", f"{word}_constraint", "bias_constraint"):
        if config.get(name) is not None:
            leave_out(f"{name}, which a spec does not have", step.layer.name)
    if not config.flag("trainable", True):
        keys |= {"lr_mult": "0"} | ({"bias_lr_mult": "0"} if has_bias else {})
    return keys


def keys_of_coefficients(step: Step, words: Mapping[str, bool]) -> dict[str, str]:
    """Return the keys of a normalisation that say how its coefficients and biases are learnt. ``words``: those that it
    has; others stay 1 and 0."""
    learnt = step.config.flag("trainable", True)
    for (word, has), usual in zip(words.items(), ("ones", "zeros"), strict=True):
        if not has:
            continue
        given = step.config.get(f"{word}_initializer")
        name = given.get("class_name") if isinstance(given, dict) else given
        if name is not None and str(name).lower() != usual:
            step.building.leave_out(f"{word}_initializer {name}; in a spec, they begin with {usual}", step.layer.name)
        for other in (f"{word}_regularizer", f"{word}_constraint"):
            if step.config.get(other) is not None:
                step.building.leave_out(f"{other}, which a spec does not have", step.layer.name)
    keys = zip(words.values(), ("lr_mult", "bias_lr_mult"), strict=True)
    return {key: "0" for has, key in keys if not (has and learnt)}


def keys_of_slopes(step: Step, word: str, default: str) -> dict[str, str]:
    """Return the keys of a layer with one number for each channel: slopes, or factors."""
    given, fields = _object(step.config, f"{word}_initializer", default)
    keys = {} if step.config.flag("trainable", True) else {"lr_mult": "0"}
    try:
        return {"init": _initial(given, fields, (1,), False, lambda: None), **keys}
    except Inexpressible as problem:
        step.building.leave_out(str(problem), step.layer.name)
        return keys


def _object(config: Fields, word: str, default: str) -> tuple[str, Fields]:
    """Return the class of an object, or the word for one, and its configuration."""
    value = config.get(word, default)
    if isinstance(value, dict):
        fields = value.get("config")
        return str(value.get("class_name")), Fields(fields if isinstance(fields, dict) else {}, config.owner)
    return str(value), Fields({}, config.owner)


_VARIANCES: Mapping[str, tuple[float, str, str]] = {
    "glorotuniform": (1, "fan_avg", "uniform"),
    "glorotnormal": (1, "fan_avg", "truncated_normal"),
    "heuniform": (2, "fan_in", "uniform"),
    "henormal": (2, "fan_in", "truncated_normal"),
    "lecununiform": (1, "fan_in", "uniform"),
    "lecunnormal": (1, "fan_in", "truncated_normal"),
}
"""Scale, mode and distribution of the initialisers that are a VarianceScaling (keras/src/initializers)."""


def _initial(word: str, given: Fields, shape: Sizes, usual_fans: bool, truncated: Callable[[], None]) -> str:
    """Return an initialiser as a value of ``init=``. Calls ``truncated`` if it draws from a truncated distribution.

    Raises ``Inexpressible``.
    """
    plain = word.replace("_", "").lower()
    if plain in ("zeros", "zero", "ones", "one"):
        return call("constant", "0" if plain.startswith("z") else "1")
    if plain == "constant":
        return call("constant", number(given.real("value", 0.0)))
    if plain in ("randomnormal", "normal", "truncatednormal"):
        if plain == "truncatednormal":
            truncated()
        mean = given.real("mean", 0.0)
        return call("gaussian", number(given.real("stddev", 0.05)), *([number(mean)] if mean else []))
    if plain in ("randomuniform", "uniform"):
        low, high = given.real("minval", -0.05), given.real("maxval", 0.05)
        if low != -high or high < 0:
            raise Inexpressible(f"initial values from {low:g} to {high:g}; a spec's uniform is from -b to b")
        return call("uniform", number(high))
    if plain == "variancescaling":
        scale, mode = given.real("scale", 1.0), given.text("mode", "fan_in")
        way = given.text("distribution", "truncated_normal")
    elif plain in _VARIANCES:
        scale, mode, way = _VARIANCES[plain]
    else:
        raise Inexpressible(f"initial values of {word}")
    if (scale, mode, way) == (1, "fan_avg", "uniform") and usual_fans:
        return "xavier"
    if way == "truncated_normal":
        truncated()
    if (scale, mode) == (2, "fan_in") and way != "uniform" and usual_fans:
        return "he"
    area = math.prod(shape[:-2])
    fan_in, fan_out = (shape[-2] * area, shape[-1] * area) if len(shape) > 1 else (shape[0], shape[0])
    fan = {"fan_in": fan_in, "fan_out": fan_out}.get(mode, (fan_in + fan_out) / 2)
    if way == "uniform":
        return call("uniform", number(math.sqrt(3 * scale / max(1, fan))))
    return call("gaussian", number(math.sqrt(scale / max(1, fan))))


def _decay(step: Step, name: str) -> str:
    """Return a regulariser as a weight decay: that of l2 w^2 has the gradient 2 l2 w."""
    word, given = _object(step.config, f"{name}_regularizer", "")
    plain = word.lower()
    l1, l2 = given.real("l1", 0.0), given.real("l2", 0.01 if plain == "l2" else 0.0)
    if plain not in ("l2", "l1l2", "l1_l2") or l1:
        step.building.leave_out(f"the {name}_regularizer {word}; a spec has the weight decay of L2", step.layer.name)
        return ""
    if step.building.optimizer not in _COUPLED:
        step.building.leave_out(f"the {name}_regularizer L2, beside {step.building.optimizer}", step.layer.name)
        return ""
    return number(2 * l2) if l2 else ""
