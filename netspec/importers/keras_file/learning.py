"""How a model is learnt: initial values, regularisers, and what ``compile`` was given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from netspec.importers.keras_file.graph.building import Step
from netspec.importers.keras_file.model.fields import Fields
from netspec.importers.operators.graph.model import Sizes
from netspec.importers.spec.problem import Inexpressible
from netspec.keys.texts import call, number

_TRUNCATED = "initial values of a truncated normal distribution; a spec's is whole, with the same deviation"
_COUPLED = ("sgd", "adam", "rmsprop", "adagrad", "adadelta")
"""The update rules whose weight decay is a part of the gradient, as the gradient of Keras's regularisers is."""


def keys_of(step: Step, word: str, shape: Sizes, *, usual_fans: bool) -> dict[str, str]:
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


def optimizer_of(compiled: Any) -> tuple[str, Fields]:
    """Return the word of the update rule that a model was compiled with, and its numbers; without one, a spec's."""
    value = (compiled.get("optimizer") or compiled.get("optimizer_config")) if isinstance(compiled, dict) else None
    if isinstance(value, dict):
        config = value.get("config")
        return str(value.get("class_name")).lower(), Fields(config if isinstance(config, dict) else {}, "the optimizer")
    return (str(value).lower() if value else "sgd"), Fields({}, "the optimizer")


_EPS = ("eps", "epsilon", 1e-7)
_RULES: Mapping[str, tuple[tuple[str, str, float], ...]] = {
    "sgd": (("lr", "learning_rate", 0.01), ("momentum", "momentum", 0.0)),
    "adam": (("lr", "learning_rate", 0.001), ("beta1", "beta_1", 0.9), ("beta2", "beta_2", 0.999), _EPS),
    "adamw": (
        ("lr", "learning_rate", 0.001),
        ("beta1", "beta_1", 0.9),
        ("beta2", "beta_2", 0.999),
        _EPS,
        ("weight_decay", "weight_decay", 0.004),
        ("bias_decay", "weight_decay", 0.004),
    ),
    "rmsprop": (
        ("lr", "learning_rate", 0.001),
        ("rho", "rho", 0.9),
        ("momentum", "momentum", 0.0),
        ("eps_in_root", "epsilon", 1e-7),
    ),
    "adagrad": (
        ("lr", "learning_rate", 0.001),
        ("eps_in_root", "epsilon", 1e-7),
        ("start", "initial_accumulator_value", 0.1),
    ),
    "adadelta": (("lr", "learning_rate", 0.001), ("rho", "rho", 0.95), _EPS),
}
"""By the class in small letters: the arguments of a spec's update rule, those of Keras, and their defaults."""

_SWITCHES = {"sgd": "nesterov", "rmsprop": "centered"}
_OTHERS = ("amsgrad", "use_ema", "clipnorm", "gradient_accumulation_steps")
_CROSS_ENTROPIES = ("categoricalcrossentropy", "sparsecategoricalcrossentropy")


def training_of(compiled: Any, leave_out: Callable[[str], None]) -> dict[str, str]:
    """Return the keys of the line ``train``, none if the model was not compiled."""
    if not isinstance(compiled, dict) or not compiled:
        return {}
    keys = _loss(compiled.get("loss"), leave_out)
    for word in ("loss_weights", "weighted_metrics"):
        if compiled.get(word):
            leave_out(f"{word} of compile")
    word, given = optimizer_of(compiled)
    if word not in _RULES:
        leave_out(f"the optimizer {word}, which a spec does not have")
        return keys
    arguments = {}
    for own, theirs, default in _RULES[word]:
        value = given.get(theirs, default)
        if isinstance(value, dict) and "config" in value and theirs == "learning_rate":
            arguments[own] = _first_rate(value, leave_out)
        else:
            arguments[own] = given.number(value, theirs)
    decay = given.get("weight_decay")
    if word != "adamw" and isinstance(decay, (int, float)) and decay:
        leave_out(f"the weight decay of {word}, {decay:g}, which Keras takes from weights and not from their gradient")
    for name in _OTHERS:
        if given.get(name):
            leave_out(f"{name} of the optimizer")
    texts = [f"{name}={number(value)}" for name, value in arguments.items()]
    if _SWITCHES.get(word) and given.flag(_SWITCHES[word], False):
        texts.append(f"{_SWITCHES[word]}=yes")
    keys["optimizer"] = call(word, *texts)
    for name, limit in (("global_clipnorm", "norm"), ("clipvalue", "value")):
        if given.get(name):
            keys["clip_gradients"] = call(limit, number(given.real(name)))
    return keys


def _first_rate(schedule: Mapping[str, Any], leave_out: Callable[[str], None]) -> float:
    """Return the first rate of a schedule, whose steps are those of batches."""
    config = schedule.get("config")
    given = Fields(config if isinstance(config, dict) else {}, "the schedule")
    leave_out(f"the schedule {schedule.get('class_name')}; the rate is its first one")
    values = given.get("values")
    return given.number(values[0], "values") if isinstance(values, list) and values else given.real(
        "initial_learning_rate", 0.01
    )  # fmt: skip


def _loss(loss: Any, leave_out: Callable[[str], None]) -> dict[str, str]:
    """Return the smoothing of labels. A spec's loss is the cross-entropy of its softmax."""
    config = loss.get("config") if isinstance(loss, dict) else None
    word = config if isinstance(config, str) else loss.get("class_name") if isinstance(loss, dict) else loss
    if str(word).replace("_", "").lower() not in _CROSS_ENTROPIES:
        leave_out(f"the loss {word if isinstance(word, str) else 'of several outputs'}")
        return {}
    smoothing = config.get("label_smoothing") if isinstance(config, dict) else None
    return {"label_smoothing": number(smoothing)} if isinstance(smoothing, (int, float)) and smoothing else {}
