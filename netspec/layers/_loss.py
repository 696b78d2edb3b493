"""What the losses' layer types share."""

from __future__ import annotations

from netspec.ir.ops import Loss
from netspec.keys import Key, Real
from netspec.layers._common import PLACED
from netspec.lowering import LayerType, Lowering


def loss_type(word: str, op: type[Loss], doc: str, *keys: Key) -> LayerType:
    """The layer type of a loss. Keys of its own bear the names of the operation's fields."""

    def lower(low: Lowering) -> None:
        low.emit(op(low["loss_weight"], **{key.name: low[key.name] for key in keys}))

    weight = Key("loss_weight", Real(low=0), "its factor in the sum of all losses", default=1.0, of_shape=False)
    reads = "a vector with one score a class" if op.labelled else "any value"
    return LayerType(
        word,
        doc,
        lower,
        keys=(weight, *keys, *PLACED),
        grouping="gathers",
        rule=f"One number for the whole batch. It reads {reads}.",
        example=f"[fc7] input 4096\n[fc8] fc outputs=1000\n[loss] {word}",
    )
