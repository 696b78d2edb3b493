"""Batch normalisation."""

from netspec.ir.ops import BatchNorm
from netspec.keys import Key, Real
from netspec.keys.learning import LEARNING
from netspec.layers._keys import USUAL
from netspec.layers._norm import AFFINE, EPS, emit
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    emit(low, BatchNorm(low["eps"], low["average"], low["affine"]))


TYPE = LayerType(
    "batchnorm",
    "Batch normalisation: subtracts the mean of each channel over the batch, divides by its standard deviation, and "
    "then scales and shifts. Outside training, running averages of mean and variance are used.",
    lower,
    keys=(
        EPS,
        Key(
            "average",
            Real(low=0, high=1),
            "share of the running averages that each step replaces",
            default=0.1,
            affects_shape=False,
        ),
        AFFINE,
        *LEARNING,
        *USUAL,
    ),
    rule="The shape of the input.",
    example="[image] input 3x32x32\n[conv1] conv filters=16 kernel=3 pad=1 bias=none\n[bn1] batchnorm neuron=relu",
)
