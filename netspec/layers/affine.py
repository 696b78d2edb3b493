"""Affine layer: a learnt coefficient and bias for each channel."""

from netspec.ir.ops import Bias, ChannelScale
from netspec.keys import Init, Initialiser, Key
from netspec.keys.learning import LEARNING
from netspec.layers._keys import BIAS, USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(ChannelScale(), init=low["init"])
    if low["bias"] is not None:
        low.emit(Bias(), low.result, bias=low["bias"])


TYPE = LayerType(
    "affine",
    "a x + b, with a learnt coefficient a and bias b for each channel (or each feature of a vector). It is the Scale "
    "layer of Caffe with a bias, the second half of a batch normalisation, and part of the subsampling of LeNet-5. The "
    "coefficients count as weights, so weight decay applies to them; decay=0 turns it off.",
    lower,
    keys=(
        Key(
            "init",
            Init(),
            "the distribution of the initial coefficients; fan_in and fan_out are 1",
            default=Initialiser("constant", (1.0,)),
            default_text="constant(1)",
            affects_shape=False,
        ),
        BIAS,
        *LEARNING,
        *USUAL,
    ),
    rule="The shape of the input.",
    example="[image] input 1x28x28\n[c1] conv filters=6 kernel=5\n[s2] sumpool kernel=2\n"
    "[t2] affine init=constant(0.25) neuron=tanh",
)
