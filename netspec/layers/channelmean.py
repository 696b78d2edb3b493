"""The mean of the channels."""

from netspec.ir.ops import ChannelMean
from netspec.layers._reduction import reduction

TYPE = reduction(
    "channelmean",
    "At each position, the mean of all channels (or features), or of those of each of several equal groups. The mean "
    "and the maximum of the channels are what CBAM's spatial attention reads (Woo et al., 2018).",
    ChannelMean,
    "[image] input 64x56x56\n[mean] channelmean\n[largest] channelmax inputs=image\n[both] concat inputs=mean,largest\n"
    "[gate] conv filters=1 kernel=7 pad=3 neuron=logistic\n[gated] product inputs=image,gate -> 64x56x56",
)
