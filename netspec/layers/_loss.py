"""What the layer types of losses share."""

from __future__ import annotations

from netspec.ir.ops import Loss
from netspec.keys import Key, Real
from netspec.layers._keys import PLACED
from netspec.lowering import LayerType, Lowering


def loss_type(word: str, op: type[Loss], doc: str, *keys: Key, reads: str = "", example: str = "") -> LayerType:
    """Make the layer type of a loss. ``keys`` have the names of the operation's fields.

    ``reads`` describes the inputs if they are neither class scores (of a ``labelled`` operation) nor any value.
    ``example`` is a spec with a layer ``loss`` of this type, if the usual example would be wrong.
    """

    def lower(low: Lowering) -> None:
        low.emit(op(low["loss_weight"], **{key.name: low[key.name] for key in keys}))

    weight_doc = "factor of this loss in the sum of all losses; a loss with a negative factor is maximised"
    weight = Key("loss_weight", Real(), weight_doc, default=1.0, affects_shape=False)
    reads = reads or ("a vector with one score for each class" if op.labelled else "any value")
    return LayerType(
        word,
        doc,
        lower,
        keys=(weight, *keys, *PLACED),
        arity=op.arity,
        grouping="gathers",
        rule=f"One number for the whole batch. The layer reads {reads}.",
        example=example or f"[fc7] input 4096\n[fc8] fc outputs=1000\n[loss] {word}",
    )
