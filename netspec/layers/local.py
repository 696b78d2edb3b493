"""Locally connected layer: a convolution with different weights at each position."""

from netspec.ir.ops import Local
from netspec.keys import Key, Whole
from netspec.layers._bounds import check_values
from netspec.layers._keys import USUAL, WEIGHTED
from netspec.layers._windows import GROUPS, PLACES, SPREAD, WINDOWED, lay_out, window
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    lay_out(low)
    low.emit_weighted(lambda i, bias: Local(low["filters"], window(low, i), low.groups_for(i), bias), bias_per="unit")


TYPE = LayerType(
    "local",
    "Locally connected layer: a convolution with separate weights and biases at each position.",
    lower,
    keys=(
        Key("filters", Whole(), "number of output channels, over all groups", unit="channels"),
        *WINDOWED,
        GROUPS,
        SPREAD,
        *WEIGHTED,
        *USUAL,
    ),
    arity=(1, None),
    check_values=check_values,
    grouping="weights",
    rule=f"{PLACES} the number of filters.",
    example="[image] input 3x32x32\n[local1] local filters=16 kernel=5 pad=2",
)
