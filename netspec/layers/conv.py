"""Convolution."""

from netspec.ir.ops import Conv
from netspec.keys import Key, Whole
from netspec.layers._bounds import agree
from netspec.layers._common import BIAS_PER, GROUPS, PLACES, SPREAD, USUAL, WEIGHTED, WINDOWED, lay_out, window
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    lay_out(low)
    low.emit_weighted(
        lambda i, bias: Conv(low["filters"], window(low, i), low.each("groups", i) * low.shares(low.operands[i]), bias),
        bias_per=low["bias_per"],
        apart=low["bias_per"] == "unit",
    )


TYPE = LayerType(
    "conv",
    "A convolution: each filter is moved over the image, and zeros stand in its padding and overhang. Several inputs "
    "have one kernel each; the products are summed.",
    lower,
    keys=(
        Key("filters", Whole(), "output channels, over all groups", unit="channels"),
        *WINDOWED,
        GROUPS,
        SPREAD,
        BIAS_PER,
        *WEIGHTED,
        *USUAL,
    ),
    arity=(1, None),
    agree=agree,
    grouping="weights",
    rule=f"{PLACES}; its channels are the filters.",
    example="[image] input 3x227x227\n[conv1] conv filters=96 kernel=11 stride=4",
)
