"""Elementwise product of several inputs."""

from netspec.ir.ops import Product
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Product())


TYPE = LayerType(
    "product",
    "The product of the inputs, element by element. An input with one unit for each channel multiplies whole "
    "maps, one with a single channel every channel, and a single number all units.",
    lower,
    keys=USUAL,
    arity=(2, None),
    grouping="alike",
    rule="The shape of the largest input. Each other one has the same shape, one unit for each channel, "
    "one channel, or one unit.",
    example="[image] input 16x28x28\n[means] avgpool kernel=global\n[gates] fc outputs=16 neuron=logistic\n"
    "[gated] product inputs=image,gates",
)
