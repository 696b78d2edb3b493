"""Topographic sparsity, from topographic independent component analysis."""

from netspec.ir.ops import Topographic
from netspec.keys import Key, Whole
from netspec.keys.sizes import MAX_SIDE
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "topographic",
    Topographic,
    "The sparsity of topographic independent component analysis: the square root of the sum of the squares around each "
    "pixel, summed over all pixels and maps and averaged over the batch. It makes few units active, and neighbours "
    "together.",
    Key("size", Whole(high=MAX_SIDE), "the side of the window around each pixel", unit="pixels"),
    reads="an image",
    example=(
        "[image] input 3x32x32\n[conv1] conv filters=16 kernel=5\n[loss] topographic size=3\n"
        "[fc2] fc outputs=10 inputs=conv1\n[classes] crossentropy"
    ),
)
