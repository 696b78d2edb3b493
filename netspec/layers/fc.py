"""Fully connected layer."""

from netspec.ir.ops import Linear
from netspec.keys import Key, Whole
from netspec.layers._bounds import agree
from netspec.layers._common import USUAL, WEIGHTED
from netspec.lowering import LayerType, Lowering

PARTS = Key(
    "parts",
    Whole(),
    "equal runs of what it reads, each of which makes its own run of the outputs alone",
    default=1,
    per_input=True,
)


def lower(low: Lowering) -> None:
    low.emit_weighted(lambda i, bias: Linear(low["outputs"], low.each("parts", i) * low.shares(low.operands[i]), bias))


TYPE = LayerType(
    "fc",
    "A fully connected layer: every output reads every input. An image is read as the vector of its channels, rows "
    "and columns.",
    lower,
    keys=(Key("outputs", Whole(), "output features, over all groups", unit="features"), PARTS, *WEIGHTED, *USUAL),
    arity=(1, None),
    agree=agree,
    grouping="weights",
    rule="A vector of so many outputs, whatever it reads.",
    example="[pool5] input 256x6x6\n[fc6] fc outputs=4096",
)
