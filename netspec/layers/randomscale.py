"""Random scaling: a square out of an image that is scaled at random."""

from netspec.ir.ops import RandomScale
from netspec.keys import Key, Real, Whole
from netspec.keys.sizes import LARGEST_SIDE
from netspec.layers._common import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(RandomScale(low["size"], low["max_scale"]))


TYPE = LayerType(
    "randomscale",
    "A square out of each map, in training out of maps that have been scaled to a size by chance, at a place by "
    "chance; each batch has one size and one place. The more squares a size has, the likelier it is. Outside training "
    "it is the middle square of the maps as they are (as cuda-convnet's rscale does it).",
    lower,
    keys=(
        Key("size", Whole(1, LARGEST_SIDE), "the square's side", unit="pixels"),
        Key(
            "max_scale",
            Real(low=1, high=64),
            "by how much the maps are made smaller at most: the sizes are size, size + 1, ... up to size + S - S / "
            "max_scale, of maps of S pixels",
        ),
        *USUAL,
    ),
    rule="As many channels as it reads, which are square, of its own size: from S / max_scale, rounded down, to S.",
    example="[image] input 3x256x256\n[scaled] randomscale size=224 max_scale=1.14",
)
