"""Group normalisation."""

from netspec.ir.ops import GroupNorm
from netspec.keys import Key, Whole
from netspec.keys.learning import LEARNING
from netspec.layers._keys import USUAL
from netspec.layers._norm import AFFINE, EPS, emit, merged_groups
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    emit(low, GroupNorm(low["eps"], merged_groups(low), low["affine"]))


TYPE = LayerType(
    "groupnorm",
    "Group normalisation: in each image, subtracts from the channels of a group their mean over the group and all "
    "positions, divides by their standard deviation, and then scales and shifts each channel. As many groups as "
    "channels are instance normalisation; groups=1 is what MobileViT and PoolFormer call layer normalisation. If the "
    "channels are split over GPU groups, each GPU group divides its own share into this many groups.",
    lower,
    keys=(
        Key("groups", Whole(), "number of groups of channels, which must divide the number of channels", default=32),
        EPS,
        AFFINE,
        *LEARNING,
        *USUAL,
    ),
    rule="The shape of the input.",
    example="[image] input 3x32x32\n[conv1] conv filters=64 kernel=3 pad=1 bias=none\n"
    "[gn1] groupnorm groups=32 neuron=relu",
)
