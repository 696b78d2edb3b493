"""The functions of each operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from netspec.ir import ops

from . import batch, channels, groupnorm, joins, losses, neurons, norms, spatial, weighted
from .call import Array, Call, Gradient


class Pair(NamedTuple):
    """The two functions of an operation.

    ``forward(op, call)`` returns the value. ``backward(op, call, value, grad)`` returns the gradients by inputs and
    parameters, given the gradient by the value. ``op`` is an instance of the key in ``OPS``, hence the ``Any``.
    """

    forward: Callable[[Any, Call], Array]
    backward: Callable[[Any, Call, Array, Array], Gradient]


OPS: Mapping[type[ops.Op], Pair] = {
    ops.Input: Pair(joins.network_input, joins.network_input_back),
    ops.Conv: Pair(weighted.conv, weighted.conv_back),
    ops.Deconv: Pair(weighted.deconv, weighted.deconv_back),
    ops.Local: Pair(weighted.local, weighted.local_back),
    ops.Linear: Pair(weighted.linear, weighted.linear_back),
    ops.ChannelScale: Pair(weighted.channel_scale, weighted.channel_scale_back),
    ops.PRelu: Pair(weighted.prelu, weighted.prelu_back),
    ops.Bias: Pair(weighted.bias, weighted.bias_back),
    ops.MaxPool: Pair(spatial.maxpool, spatial.maxpool_back),
    **dict.fromkeys((ops.AvgPool, ops.SumPool), Pair(spatial.sumpool, spatial.sumpool_back)),
    ops.MaxAbsPool: Pair(spatial.maxabspool, spatial.maxabspool_back),
    ops.Blur: Pair(spatial.blur, spatial.blur_back),
    ops.ZeroPad: Pair(spatial.zero_pad, spatial.zero_pad_back),
    **dict.fromkeys(
        (ops.Crop, ops.EdgePad, ops.Mirror, ops.Nailbed, ops.ReflectPad), Pair(spatial.pick, spatial.pick_back)
    ),
    **dict.fromkeys(
        (ops.BinPool, ops.Interpolate, ops.Resize, ops.Upsample), Pair(spatial.resample, spatial.resample_back)
    ),
    ops.RandomScale: Pair(spatial.random_scale, spatial.random_scale_back),
    ops.ColourSpace: Pair(channels.colourspace, channels.colourspace_back),
    **dict.fromkeys((ops.Lrn, ops.MapNorm, ops.ContrastNorm), Pair(norms.response_norm, norms.response_norm_back)),
    ops.BatchNorm: Pair(batch.batchnorm, batch.batchnorm_back),
    **dict.fromkeys((ops.LayerNorm, ops.GroupNorm), Pair(groupnorm.groupnorm, groupnorm.groupnorm_back)),
    ops.Dropout: Pair(batch.dropout, batch.dropout_back),
    ops.Concat: Pair(joins.concat, joins.concat_back),
    ops.Slice: Pair(channels.slice_channels, channels.slice_channels_back),
    ops.Shuffle: Pair(channels.shuffle, channels.shuffle_back),
    ops.PixelShuffle: Pair(
        lambda op, call: channels.spread(call.x, op.factor),
        lambda op, call, y, grad: Gradient((channels.gathered(grad, op.factor),)),
    ),
    ops.PixelUnshuffle: Pair(
        lambda op, call: channels.gathered(call.x, op.factor),
        lambda op, call, y, grad: Gradient((channels.spread(grad, op.factor),)),
    ),
    ops.ChannelMax: Pair(channels.channel_max, channels.channel_max_back),
    ops.ChannelMean: Pair(channels.channel_mean, channels.channel_mean_back),
    ops.Sum: Pair(joins.add, joins.add_back),
    ops.Max: Pair(joins.largest, joins.largest_back),
    ops.Product: Pair(joins.product, joins.product_back),
    ops.Flatten: Pair(joins.flatten, joins.reshape_back),
    ops.Reshape: Pair(joins.reshape, joins.reshape_back),
    ops.Softmax: Pair(joins.softmax, joins.softmax_back),
    **{op: Pair(function.forward, function.backward) for op, function in neurons.FUNCTIONS.items()},
    ops.NoisyRelu: Pair(neurons.noisy_relu, neurons.noisy_relu_back),
    ops.CrossEntropy: Pair(losses.cross_entropy, losses.cross_entropy_back),
    ops.SetCrossEntropy: Pair(losses.set_cross_entropy, losses.set_cross_entropy_back),
    ops.BinaryCrossEntropy: Pair(losses.binary_cross_entropy, losses.binary_cross_entropy_back),
    ops.SquaredError: Pair(losses.squared_error, losses.squared_error_back),
    ops.CauchyError: Pair(losses.cauchy_error, losses.cauchy_error_back),
    ops.SumSquares: Pair(losses.sum_squares, losses.sum_squares_back),
    ops.GatedSumSquares: Pair(losses.gated_sum_squares, losses.gated_sum_squares_back),
    ops.Topographic: Pair(losses.topographic_sparsity, losses.topographic_sparsity_back),
}
"""The functions of every operation of ``netspec.ir.ops.VOCABULARY``."""
