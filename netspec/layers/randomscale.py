"""Random scaling: a square out of an image that is scaled at random."""

from netspec.ir.ops import RandomScale
from netspec.keys import Key, Real, Whole
from netspec.keys.sizes import MAX_SIDE
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(RandomScale(low["size"], low["max_scale"]))


TYPE = LayerType(
    "randomscale",
    "Cuts a square out of each map. In training, each batch is first scaled to a random size, and the square is at a "
    "random position; the probability of a size grows with its number of positions. Outside training, it is the "
    "central square of the unscaled maps. The rscale layer of cuda-convnet.",
    lower,
    keys=(
        Key("size", Whole(1, MAX_SIDE), "the square's side", unit="pixels"),
        Key(
            "max_scale",
            Real(low=1, high=64),
            "how much smaller the maps are made at most: the sizes are size, size + 1, ... up to size + S - S / "
            "max_scale, for maps of S x S pixels",
        ),
        *USUAL,
    ),
    rule="As many channels as it reads, size x size pixels. Of square maps with side S, size is from S / max_scale, "
    "rounded down, to S.",
    example="[image] input 3x256x256\n[scaled] randomscale size=224 max_scale=1.14",
)
