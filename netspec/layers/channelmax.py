"""The largest of the channels."""

from netspec.ir.ops import ChannelMax
from netspec.layers._reduction import reduction

TYPE = reduction(
    "channelmax",
    "At each position, the largest number of all channels (or features), or of those of each of several equal groups, "
    "which is maxout (Goodfellow et al., 2013).",
    ChannelMax,
    "[image] input 3x32x32\n[conv1] conv filters=128 kernel=5 pad=2\n[largest] channelmax groups=64 -> 64x32x32",
)
