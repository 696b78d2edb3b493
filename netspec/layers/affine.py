"""Affine layer: a learnt coefficient and bias for each channel."""

from netspec.ir.ops import Bias, ChannelScale
from netspec.keys import Init, Initialiser, Key
from netspec.layers._common import BIAS, LEARNING, USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(ChannelScale(), init=low["init"])
    if low["bias"] is not None:
        low.emit(Bias(), low.result, bias=low["bias"])


TYPE = LayerType(
    "affine",
    "a x + b, with a coefficient a and a bias b for each channel (of a vector, each feature), both learnt: Caffe's "
    "Scale layer with a bias, the second half of a batch normalisation, and what LeNet-5 does to its sums of pixels. "
    "The coefficients count as weights, so weight decay applies to them; decay=0 turns it off.",
    lower,
    keys=(
        Key(
            "init",
            Init(),
            "what the coefficients are drawn from; fan_in and fan_out are 1",
            default=Initialiser("constant", (1.0,)),
            default_text="constant(1)",
            affects_shape=False,
        ),
        BIAS,
        *LEARNING,
        *USUAL,
    ),
    rule="What it reads.",
    example="[image] input 1x28x28\n[c1] conv filters=6 kernel=5\n[s2] sumpool kernel=2\n"
    "[t2] affine init=constant(0.25) neuron=tanh",
)
