"""The multipliers of a layer's learning rates and decays: its messages ParamSpec as keys of a spec."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.importers.caffe.learning.numbers import finite
from netspec.importers.caffe.net.types import DEPTHWISE
from netspec.importers.caffe.schema.record import Record
from netspec.importers.spec.problem import Inexpressible
from netspec.keys.texts import number

_BIASED = {
    **dict.fromkeys(("Convolution", "Deconvolution", *DEPTHWISE), "convolution_param"),
    "InnerProduct": "inner_product_param",
    "Scale": "scale_param",
}
"""The messages with ``bias_term``, by the type of the layer. The biases are then the second blob."""


def multiplier(layer: Record, blob: int, field: str) -> float:
    """Return ``lr_mult`` or ``decay_mult`` of a layer's blob; blobs without a message have 1.

    Raises ``Inexpressible`` if it is below 0.
    """
    params = layer.messages("param")
    if blob >= len(params):
        return 1.0
    value = finite(params[blob], field)
    if value < 0:
        raise Inexpressible(f"its {field} is {number(value)}; a spec's is at least 0", params[blob].place(field))
    return value


def of_weights(layer: Record, blob: int = 0) -> dict[str, str]:
    """Return the keys of a layer for weights that are a blob of it."""
    return _keys(layer, blob, {"lr_mult": "lr_mult", "decay_mult": "decay_mult"})


def of_biases(layer: Record, blob: int = 1, *, decays: bool) -> dict[str, str]:
    """Return the keys of a layer for biases that are a blob of it.

    ``decays``: the train line has a decay of biases, which is not the case if none of the network decays.
    """
    fields = {"bias_lr_mult": "lr_mult", **({"bias_decay_mult": "decay_mult"} if decays else {})}
    return _keys(layer, blob, fields)


def _keys(layer: Record, blob: int, fields: dict[str, str]) -> dict[str, str]:
    found = {key: multiplier(layer, blob, field) for key, field in fields.items()}
    return {key: number(value) for key, value in found.items() if value != 1}


def some_biases_decay(layers: Iterable[Record]) -> bool:
    """Whether the biases of one of these layers are learnt and decay."""
    for layer in layers:
        type_ = layer.text("type")
        biased = type_ == "BN" or (type_ in _BIASED and layer.message(_BIASED[type_]).flag("bias_term"))
        blob = 1 if biased else 0 if type_ == "Bias" else None
        params = layer.messages("param")
        param = params[blob] if blob is not None and blob < len(params) else None
        if blob is not None and (param is None or (param.real("lr_mult") and param.real("decay_mult"))):
            return True
    return False
