"""The keys of layers that have no effect outside training: how their weights and biases are learnt.

Each is listed once, in the group of what it applies to. Layer types, the checker, ``diff`` and the importers take the
keys, or the names of them, from these groups.
"""

from __future__ import annotations

from netspec.keys.key import Key
from netspec.keys.kind import Kind, one_of
from netspec.keys.numbers import Real, Whole
from netspec.keys.schedules import OwnScheduleWord
from netspec.keys.update_rules import WITH_MOMENTUM
from netspec.keys.words import BOUND, Choice, OrNone

_RATE, _SHARE = Real(low=0), Real(low=0, below=1)


def _of_weights(name: str, kind: Kind, doc: str, otherwise: str = "that of the train line") -> Key:
    """A key for the training of weights, with one value for each input if desired."""
    return Key(
        name, kind, doc, default=None, default_text=otherwise, affects_shape=False, per_input=True, training_only=True
    )


def _of_biases(name: str, kind: Kind, doc: str, otherwise: str) -> Key:
    return Key(name, kind, doc, default=None, default_text=otherwise, affects_shape=False, training_only=True)


def _factor(name: str, doc: str, *, per_input: bool = False) -> Key:
    return Key(
        name,
        _RATE,
        f"factor on the {doc}",
        default=1.0,
        affects_shape=False,
        per_input=per_input,
        training_only=True,
    )


OF_WEIGHTS = (
    _of_weights("lr", _RATE, "learning rate of the weights"),
    _factor("lr_mult", "learning rate of the weights", per_input=True),
    _of_weights(
        "schedule",
        OwnScheduleWord(),
        "schedule of the learning rate of the weights, after the warm-up of the train line",
    ),
    _of_weights("momentum", _SHARE, f"momentum of the weights, with the update rule {one_of(WITH_MOMENTUM)}"),
    _of_weights("decay", _RATE, "weight decay of the weights"),
    _factor("decay_mult", "weight decay of the weights", per_input=True),
)

OF_BIASES = (
    _of_biases("bias_lr", _RATE, "learning rate of the biases", "that of the (first) weights, without lr_mult"),
    _factor("bias_lr_mult", "learning rate of the biases"),
    _of_biases(
        "bias_schedule",
        OwnScheduleWord(),
        "schedule of the learning rate of the biases, after the warm-up of the train line",
        "that of the train line, or of the (first) weights",
    ),
    _of_biases(
        "bias_momentum",
        _SHARE,
        f"momentum of the biases, with the update rule {one_of(WITH_MOMENTUM)}",
        "that of the (first) weights",
    ),
    _of_biases("bias_decay", _RATE, "weight decay of the biases", "that of the train line, or 0"),
    _factor("bias_decay_mult", "weight decay of the biases"),
)

LEARNING = (
    *OF_WEIGHTS,
    *OF_BIASES,
    Key(
        "update_every",
        OrNone(Whole()),
        "number of parts of a batch (see accumulate of the train line) after which the weights and biases are updated, "
        "with the mean gradient of the images in these parts",
        default=None,
        default_text="none: once per batch",
        unit="parts",
        affects_shape=False,
        training_only=True,
    ),
)
"""Those of every layer with parameters."""

SUPER_EPS = _of_weights(
    "super_eps",
    BOUND,
    "the update rule superEps of cuda-convnet of 2012 in place of sgd, for weights only: v <- 0.9 v - lr g / sqrt(mean "
    "of g^2 + mean of g + super_eps), then w <- w + v, with running means m <- momentum m + (1 - momentum) g and "
    "without weight decay",
    "none",
)

BOUNDS = (
    _of_weights(
        "max_norm",
        BOUND,
        "upper bound of the norm, sqrt(sum of w^2), of the incoming weights of each unit. After each update, larger "
        "weight vectors are scaled down to it",
        "none",
    ),
    _of_weights(
        "fixed_norm", BOUND, "norm to which the incoming weights of each unit are scaled after each update", "none"
    ),
    _of_weights(
        "min_std",
        BOUND,
        "lower bound of the standard deviation of the incoming weights of each unit. After each update, weights with a "
        "smaller one are scaled up to it",
        "none",
    ),
    _of_weights(
        "max_std",
        BOUND,
        "upper bound of the standard deviation of the incoming weights of each unit. After each update, weights with a "
        "larger one are scaled down to it",
        "none",
    ),
)

NORM_OVER = Key(
    "norm_over",
    Choice(("unit", "parts")),
    "what max_norm and fixed_norm apply to. unit: the incoming weights of each unit. parts: those of the units at the "
    "same position in all parts together",
    default="unit",
    affects_shape=False,
    training_only=True,
)

OF_PRODUCTS = (SUPER_EPS, *BOUNDS, NORM_OVER)
"""Those that only weights of products with what a layer reads have, in some layer type."""
