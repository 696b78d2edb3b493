"""What the losses' layer types share."""

from __future__ import annotations

from netspec.ir.ops import Loss
from netspec.keys import Key, Real
from netspec.layers._common import PLACED
from netspec.lowering import LayerType, Lowering


def loss_type(word: str, op: type[Loss], doc: str) -> LayerType:
    """The layer type of a loss."""

    def lower(low: Lowering) -> None:
        low.emit(op(low["loss_weight"]))

    weight = Key("loss_weight", Real(low=0), "its factor in the sum of all losses", default=1.0, of_shape=False)
    return LayerType(
        word,
        doc,
        lower,
        keys=(weight, *PLACED),
        grouping="gathers",
        rule="One number for the whole batch. It reads a vector with one score a class.",
        example=f"[fc7] input 4096\n[fc8] fc outputs=1000\n[loss] {word}",
    )
