"""Elementwise sum of several inputs."""

from netspec.ir.ops import Sum
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Sum())


TYPE = LayerType(
    "sum",
    "The sum of the inputs, element by element.",
    lower,
    keys=USUAL,
    arity=(2, None),
    grouping="alike",
    rule="The shape of the inputs, which must be equal.",
    example="[image] input 16x28x28\n[a] conv filters=16 kernel=3 pad=1\n[b] sum inputs=image,a",
)
