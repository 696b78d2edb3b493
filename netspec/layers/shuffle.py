"""Channel shuffle."""

from netspec.ir.ops import Shuffle
from netspec.keys import Key, Whole
from netspec.layers._keys import USUAL
from netspec.layers._norm import merged_groups
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    groups: int = low["groups"]
    low.emit(Shuffle(groups, merged_groups(low) // groups))


TYPE = LayerType(
    "shuffle",
    "Rearranges channels (or features): the first channel of each of several equal groups, then the second of each, "
    "and so on. Between convolutions with as many groups, each group so reads channels of all groups before it, as in "
    "ShuffleNet (Zhang et al., 2018). The shares of different GPU groups are rearranged separately.",
    lower,
    keys=(
        Key("groups", Whole(), "number of groups into which the channels are divided"),
        *USUAL,
    ),
    rule="The shape of the input.",
    example="[image] input 3x32x32\n[conv1] conv filters=24 kernel=3\n[conv2] conv filters=24 kernel=1 groups=3\n"
    "[mixed] shuffle groups=3\n[conv3] conv filters=24 kernel=1 groups=3",
)
