"""What the layers that reduce channels share."""

from __future__ import annotations

from netspec.ir.ops import ChannelMax, ChannelMean
from netspec.keys import Key, Whole
from netspec.layers._keys import USUAL
from netspec.layers._norm import merged_groups
from netspec.lowering import LayerType, Lowering


def reduction(name: str, doc: str, op: type[ChannelMax | ChannelMean], example: str) -> LayerType:
    """Return a layer type that makes one channel of all channels, or of each group of them."""

    def lower(low: Lowering) -> None:
        low.emit(op(merged_groups(low)))

    return LayerType(
        name,
        f"{doc} Each GPU group does so with its own share of a value that is split.",
        lower,
        keys=(Key("groups", Whole(), "number of groups, each of which becomes one channel", default=1), *USUAL),
        rule="As many channels (or features) as there are groups, with the height and width of the input.",
        example=example,
    )
