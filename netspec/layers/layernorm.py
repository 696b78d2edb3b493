"""Layer normalisation."""

from netspec.ir.ops import LayerNorm
from netspec.keys import Key, Whole
from netspec.keys.learning import LEARNING
from netspec.layers._keys import USUAL
from netspec.layers._norm import AFFINE, EPS, emit, merged_groups
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    emit(low, LayerNorm(low["eps"], merged_groups(low), low["affine"]))


TYPE = LayerType(
    "layernorm",
    "Layer normalisation over channels: at each position of each image, subtracts the mean of the channels there, "
    "divides by their standard deviation, and then scales and shifts each channel. A vector is normalised over its "
    "units. ConvNeXt and Swin normalise maps in this way; groupnorm groups=1 is the layer normalisation over channels "
    "and positions together of MobileViT and PoolFormer. Channels of different GPU groups are normalised separately.",
    lower,
    keys=(
        EPS,
        Key("groups", Whole(), "number of groups of channels that are normalised separately", default=1),
        AFFINE,
        *LEARNING,
        *USUAL,
    ),
    rule="The shape of the input.",
    example="[image] input 3x32x32\n[conv1] conv filters=96 kernel=4 stride=4\n[norm1] layernorm eps=1e-6",
)
