"""Batch normalisation."""

from netspec.ir.ops import BatchNorm
from netspec.keys import ZERO, Choice, Initialiser, Key, Real
from netspec.layers._common import LEARNING, USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    op = BatchNorm(low["eps"], low["average"], low["affine"])
    low.emit(op, init=Initialiser("constant", (1.0,)), bias=ZERO)


TYPE = LayerType(
    "batchnorm",
    "Batch normalisation: subtracts the mean of each channel over the batch, divides by its standard deviation, and "
    "then scales and shifts. Outside training, running averages of mean and variance are used.",
    lower,
    keys=(
        Key(
            "eps",
            Real(above=0),
            "constant added to the variance",
            default=1e-5,
            default_text="1e-5",
            affects_shape=False,
        ),
        Key(
            "average",
            Real(low=0, high=1),
            "share of the running averages that each step replaces",
            default=0.1,
            affects_shape=False,
        ),
        Key(
            "affine",
            Choice({"yes": True, "no": False}),
            "whether the normalised values are scaled and shifted",
            default=True,
            default_text="yes",
        ),
        *LEARNING,
        *USUAL,
    ),
    rule="The shape of the input.",
    example="[image] input 3x32x32\n[conv1] conv filters=16 kernel=3 pad=1 bias=none\n[bn1] batchnorm neuron=relu",
)
