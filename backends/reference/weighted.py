"""Conv, Deconv, Local, Linear, ChannelScale, PRelu and Bias. Groups: axis G, output group g reads input group g.

In the shapes below, K = C/G * KH * KW is the number of weights of a filter and P = OH * OW the number of output pixels.
"""

from __future__ import annotations

import math

import numpy as np

from netspec.ir.ops import Bias, ChannelScale, Conv, Deconv, Linear, Local, PRelu
from netspec.ir.window import Pad, Window

from .call import Array, Call, Gradient, per_channel
from .windows import columns, fold


def _group_columns(op: Conv | Local, x: Array) -> Array:
    """im2col by groups: N,C,H,W to N,G,K,P."""
    patches = columns(x, op.window)
    n, c, _, _, out_height, out_width = patches.shape
    return patches.reshape(n, op.groups, c // op.groups * op.window.area, out_height * out_width)


def _fold_groups(op: Conv | Local, patches: Array, x: Array, grad: Array) -> Array:
    """The adjoint of ``_group_columns``: N,G,K,P to N,C,H,W."""
    n, c, height, width = x.shape
    return fold(patches.reshape(n, c, *op.window.kernel, *grad.shape[2:]), op.window, height, width)


def conv(op: Conv, call: Call) -> Array:
    """One matrix product per image and group: G,F/G,K by N,G,K,P gives N,G,F/G,P, reshaped to N,F,OH,OW."""
    weight, *bias = call.params
    weight = _masked(op, weight)
    n, _, height, width = call.x.shape
    rows, cols = op.window.fit(height, width)
    product = weight.reshape(op.groups, op.filters // op.groups, -1) @ _group_columns(op, call.x)
    y = product.reshape(n, op.filters, rows.output, cols.output)
    return y + bias[0][:, None, None] if bias else y


def conv_back(op: Conv, call: Call, y: Array, grad: Array) -> Gradient:
    """By the weights: gradient times transposed columns. By the columns: transposed weights times gradient."""
    weight, *bias = call.params
    weight = _masked(op, weight)
    n = len(grad)
    by_group = grad.reshape(n, op.groups, op.filters // op.groups, -1)
    matrix = weight.reshape(op.groups, op.filters // op.groups, -1)
    by_weight = (by_group @ _group_columns(op, call.x).swapaxes(2, 3)).sum(axis=0).reshape(weight.shape)
    by_weight = _masked(op, by_weight)
    by_x = _fold_groups(op, matrix.swapaxes(1, 2) @ by_group, call.x, grad)
    return Gradient((by_x,), (by_weight, grad.sum(axis=(0, 2, 3))) if bias else (by_weight,))


def _masked(op: Conv, weight: Array) -> Array:
    """Zero the weights (F,C/G,KH,KW) that a connection table leaves out."""
    if op.table is None:
        return weight
    mask: Array = np.array(op.table.mask(weight.shape[1]))
    return weight * mask[:, :, None, None]


def deconv(op: Deconv, call: Call) -> Array:
    """Multiply each input pixel by the kernels, add the products to its windows of the output (col2im), and cut it.

    With K = F/G * KH * KW and P = H * W input pixels, the products are G,K,C/G by N,G,C/G,P, which is N,G,K,P.
    """
    weight, *bias = call.params
    n, channels, height, width = call.x.shape
    matrix = weight.reshape(op.groups, channels // op.groups, -1)
    products = matrix.swapaxes(1, 2) @ call.x.reshape(n, op.groups, channels // op.groups, height * width)
    full = op.window.full_size("height", height), op.window.full_size("width", width)
    sums = fold(products.reshape(n, op.filters, *op.window.kernel, height, width), _uncut(op), *full)
    y = _cut(sums, op.window.pad)
    return y + bias[0][:, None, None] if bias else y


def deconv_back(op: Deconv, call: Call, y: Array, grad: Array) -> Gradient:
    """The adjoint of scattering is collecting (im2col), so by the input this is a convolution of the gradient. By the
    weights: input times transposed columns of the gradient."""
    weight, *bias = call.params
    n, channels, height, width = call.x.shape
    matrix = weight.reshape(op.groups, channels // op.groups, -1)
    patches = columns(_cut(grad, Pad(*(-side for side in op.window.pad))), _uncut(op))
    patches = patches.reshape(n, op.groups, op.filters // op.groups * op.window.area, height * width)
    by_x = (matrix @ patches).reshape(call.x.shape)
    x = call.x.reshape(n, op.groups, channels // op.groups, height * width)
    by_weight = (x @ patches.swapaxes(2, 3)).sum(axis=0).reshape(weight.shape)
    return Gradient((by_x,), (by_weight, grad.sum(axis=(0, 2, 3))) if bias else (by_weight,))


def _uncut(op: Deconv) -> Window:
    """The windows over the output before anything is cut off it, one for each input pixel."""
    return Window(op.window.kernel, op.window.stride, dilation=op.window.dilation)


def _cut(x: Array, pad: Pad) -> Array:
    """Cut the sides of N,C,H,W; a negative number adds zeros."""
    added = [max(0, -side) for side in pad]
    left, right, top, bottom = (max(0, side) for side in pad)
    grown = np.pad(x, ((0, 0), (0, 0), (added[2], added[3]), (added[0], added[1])))
    height, width = grown.shape[2:]
    return grown[:, :, top : height - bottom, left : width - right]


def local(op: Local, call: Call) -> Array:
    """Like conv, with separate weights per output pixel p: out[n,g,f,p] = sum_k weight[g,f,p,k] columns[n,g,k,p]."""
    weight, *bias = call.params
    matrix = weight.reshape(op.groups, op.filters // op.groups, weight.shape[1] * weight.shape[2], -1)
    y: Array = np.einsum("gfpk,ngkp->ngfp", matrix, _group_columns(op, call.x))
    y = y.reshape(len(call.x), *weight.shape[:3])
    return y + bias[0] if bias else y


def local_back(op: Local, call: Call, y: Array, grad: Array) -> Gradient:
    """Like conv_back, for each output pixel separately."""
    weight, *bias = call.params
    by_group = grad.reshape(len(grad), op.groups, op.filters // op.groups, -1)
    matrix = weight.reshape(*by_group.shape[1:], -1)
    by_weight = np.einsum("ngfp,ngkp->gfpk", by_group, _group_columns(op, call.x)).reshape(weight.shape)
    by_x = _fold_groups(op, np.einsum("gfpk,ngfp->ngkp", matrix, by_group), call.x, grad)
    return Gradient((by_x,), (by_weight, grad.sum(axis=0)) if bias else (by_weight,))


def linear(op: Linear, call: Call) -> Array:
    """One matrix product per group: G,N,I/G by G,I/G,O/G. An image is read as a vector of I units."""
    weight, *bias = call.params
    product = _by_groups(call.x, op.groups) @ weight.reshape(op.groups, op.outputs // op.groups, -1).swapaxes(1, 2)
    y = _merge_groups(product)
    return y + bias[0] if bias else y


def linear_back(op: Linear, call: Call, y: Array, grad: Array) -> Gradient:
    """By the weights: transposed gradient times input. By the input: gradient times weights."""
    weight, *bias = call.params
    by_group = _by_groups(grad, op.groups)
    by_weight = (by_group.swapaxes(1, 2) @ _by_groups(call.x, op.groups)).reshape(weight.shape)
    by_x = _merge_groups(by_group @ weight.reshape(op.groups, op.outputs // op.groups, -1)).reshape(call.x.shape)
    return Gradient((by_x,), (by_weight, grad.sum(axis=0)) if bias else (by_weight,))


def _by_groups(x: Array, groups: int) -> Array:
    """N,I (or N,C,H,W) to G,N,I/G."""
    return x.reshape(len(x), groups, math.prod(x.shape[1:]) // groups).swapaxes(0, 1)


def _merge_groups(x: Array) -> Array:
    """G,N,O/G to N,O."""
    groups, n, outputs = x.shape
    return x.swapaxes(0, 1).reshape(n, groups * outputs)


def channel_scale(op: ChannelScale, call: Call) -> Array:
    """Multiply each channel by its weight, (C,)."""
    return call.x * per_channel(call.params[0], call.x)


def channel_scale_back(op: ChannelScale, call: Call, y: Array, grad: Array) -> Gradient:
    """By a weight: gradient times input, summed over the images and pixels of its channel."""
    by_weight = (grad * call.x).sum(axis=(0, *range(2, grad.ndim)))
    return Gradient((grad * per_channel(call.params[0], call.x),), (by_weight,))


def prelu(op: PRelu, call: Call) -> Array:
    """x above 0, else x times the slope of its channel, (C,), or of all, (1,)."""
    return np.where(call.x > 0, call.x, per_channel(call.params[0], call.x) * call.x)


def prelu_back(op: PRelu, call: Call, y: Array, grad: Array) -> Gradient:
    """By x: 1 above 0, else the slope. By a slope: gradient times min(0, input), summed over what it multiplies."""
    by_x = grad * np.where(call.x > 0, 1.0, per_channel(call.params[0], call.x))
    by_channel = (grad * np.minimum(call.x, 0.0)).sum(axis=(0, *range(2, grad.ndim)))
    return Gradient((by_x,), (by_channel.sum(keepdims=True) if op.shared else by_channel,))


def bias(op: Bias, call: Call) -> Array:
    """Add a bias per channel, (C,), or per unit, shaped like one image's value."""
    (b,) = call.params
    return call.x + b.reshape(b.shape + (1,) * (call.x.ndim - 1 - b.ndim))


def bias_back(op: Bias, call: Call, y: Array, grad: Array) -> Gradient:
    """By a bias: the gradient summed over all elements to which it was added."""
    (b,) = call.params
    return Gradient((grad,), (grad.sum(axis=(0, *range(1 + b.ndim, grad.ndim))),))
