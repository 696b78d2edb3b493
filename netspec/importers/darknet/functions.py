"""Darknet's activation functions as layers of a spec (src/activations.h)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.keys.texts import number

FUNCTIONS: Mapping[str, Sequence[tuple[str, Mapping[str, str]]]] = {
    "linear": (),
    "logistic": (("logistic", {}),),
    "loggy": (("tanh", {"b": "0.5"}),),  # 2 / (1 + e^-x) - 1
    "tanh": (("tanh", {}),),
    "relu": (("relu", {}),),
    "relu6": (("relu6", {}),),
    "leaky": (("leakyrelu", {"slope": "0.1"}),),
    "relie": (("leakyrelu", {"slope": "0.01"}),),
    "ramp": (("leakyrelu", {"slope": number(1 / 11)}), ("linear", {"a": "1.1"})),  # max(0, x) + 0.1 x
    "elu": (("elu", {}),),
    "selu": (("elu", {"alpha": "1.6732"}), ("linear", {"a": "1.0507"})),
    "hardtan": (("linear", {"a": "3", "b": "3"}), ("relu6", {}), ("linear", {"a": number(1 / 3), "b": "-1"})),
    "swish": (("silu", {}),),
    "mish": (("mish", {}),),
}
"""The lines that compute a function, one after the other: their types and keys."""

_BY_CHANNELS = "it normalises over the channels; a spec's functions see a single number"

ABSENT_FUNCTIONS: Mapping[str, str] = {
    "gelu": "it is the approximation by tanh; a spec's gelu has erf, which differs by up to 0.0005",
    **dict.fromkeys(("plse", "lhtan", "stair", "hard_mish", "revleaky"), ""),
    "normalize_channels": _BY_CHANNELS,
    "normalize_channels_softmax": _BY_CHANNELS,
    "normalize_channels_softmax_maxval": _BY_CHANNELS,
}
"""The functions that a spec cannot express, with the reason; empty if there is no layer that computes it."""
