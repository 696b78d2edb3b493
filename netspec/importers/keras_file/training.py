"""What a model was compiled with: the line ``train`` of a spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netspec.importers.keras_file.model.fields import Fields
from netspec.keys.texts import call, number


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
        value = given.get(theirs)
        if value is None:  # Keras before 2.3 calls the rate lr
            value = given.get("lr", default) if theirs == "learning_rate" else default
        if isinstance(value, dict) and "config" in value and theirs == "learning_rate":
            arguments[own] = _first_rate(value, leave_out)
        else:
            arguments[own] = given.number(value, theirs)
    decay = given.get("weight_decay")
    if word != "adamw" and isinstance(decay, (int, float)) and decay:
        leave_out(f"the weight decay of {word}, {decay:g}, which Keras takes from weights and not from their gradient")
    if word != "adamw" and given.get("decay"):
        leave_out(f"the decay of the rate, {given.real('decay'):g}, with each step")
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
