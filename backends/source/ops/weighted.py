"""Operations with weights: convolution, plain, transposed and unshared; linear, channel scale, PReLU and bias."""

from __future__ import annotations

from netspec.ir.ops import Bias, ChannelScale, Conv, Deconv, Linear, Local, PRelu
from netspec.ir.shape import Shape
from netspec.passes.padding import Padding, Trimming, conv_padding, deconv_trimming

from ..site import Division, Expressions, Modules, Site
from ..text import call, pair, pair_unless, string


def _conv_options(op: Conv, padding: Padding, division: Division) -> dict[str, str | None]:
    return {
        "stride": pair_unless(op.window.stride, 1),
        "padding": pair_unless(padding.op_pad, 0),
        "dilation": pair_unless(op.window.dilation, 1),
        "groups": division.share(op.groups) if op.groups > 1 else None,
    }


def _conv_module(op: Conv, x: Shape, division: Division) -> str | None:
    if op.table is not None:
        return None
    options = _conv_options(op, conv_padding(op.window, x), division)
    channels = division.input_channels(x.channels, op.groups), division.share(op.filters)
    return call("nn.Conv2d", *channels, pair(op.window.kernel), **options, bias=None if op.bias else "False")


def _conv(op: Conv, at: Site) -> str:
    padding = conv_padding(op.window, at.shapes[0])
    x = at.x if padding.image_pad is None else call("F.pad", at.x, str(tuple(padding.image_pad)))
    if at.module is not None:
        return call(at.module, x)
    options = _conv_options(op, padding, at.division)
    if op.table is not None:
        return call(at.helper("table_conv"), x, *at.params, table=f"TABLES[{string(at.names[0])}]", **options)
    return call("F.conv2d", x, *at.params, **options)


def _deconv_options(op: Deconv, trimming: Trimming, division: Division) -> dict[str, str | None]:
    return {
        "stride": pair_unless(op.window.stride, 1),
        "padding": pair_unless(trimming.op_pad, 0),
        "output_padding": pair_unless(trimming.output_pad, 0),
        "groups": division.share(op.groups) if op.groups > 1 else None,
        "dilation": pair_unless(op.window.dilation, 1),
    }


def _deconv_module(op: Deconv, x: Shape, division: Division) -> str | None:
    trimming = deconv_trimming(op.window)
    if op.bias and trimming.adds:
        return None
    options = _deconv_options(op, trimming, division)
    channels = division.input_channels(x.channels, op.groups), division.share(op.filters)
    return call("nn.ConvTranspose2d", *channels, pair(op.window.kernel), **options, bias=None if op.bias else "False")


def _deconv(op: Deconv, at: Site) -> str:
    trimming = deconv_trimming(op.window)
    weight, *bias = at.params
    if at.module is not None:
        y = call(at.module, at.x)
    else:
        first = [] if trimming.adds else bias
        y = call("F.conv_transpose2d", at.x, weight, *first, **_deconv_options(op, trimming, at.division))
    if trimming.rest is not None:
        y = call("F.pad", y, str(tuple(-side for side in trimming.rest)))
    return f"{y} + {bias[0]}[:, None, None]{_narrowed(at)}" if trimming.adds and bias else y


def _narrowed(at: Site) -> str:
    return ".bfloat16()" if at.train.precision == "bf16" else ""


def _local(op: Local, at: Site) -> str:
    x = at.shapes[0]
    before = op.window.effective_pad(x.height, x.width)
    padded = call("F.pad", at.x, str(tuple(before))) if any(before) else at.x
    return call(
        at.helper("local_conv"), padded, *at.params,
        kernel=str(op.window.kernel), stride=str(op.window.stride), dilation=str(op.window.dilation),
        groups=at.division.share(op.groups),
    )  # fmt: skip


def _linear_module(op: Linear, x: Shape, division: Division) -> str | None:
    if op.groups > 1:
        return None
    return call("nn.Linear", str(x.units), division.share(op.outputs), bias=None if op.bias else "False")


def _linear(op: Linear, at: Site) -> str:
    if op.groups > 1:
        return call(at.helper("grouped_linear"), at.flat, *at.params, groups=at.division.share(op.groups))
    return call(at.module, at.flat) if at.module is not None else call("F.linear", at.flat, *at.params)


def _prelu_module(op: PRelu, x: Shape, division: Division) -> str | None:
    return call("nn.PReLU", *(() if op.shared else (division.share(x.channels),)))


def _bias(op: Bias, at: Site) -> str:
    per_channel_of_image = op.per == "channel" and at.shapes[0].is_image
    return f"{at.x} + {at.params[0]}{'[:, None, None]' if per_channel_of_image else ''}"


EXPRESSIONS: Expressions = {
    Conv: _conv,
    Deconv: _deconv,
    Local: _local,
    Linear: _linear,
    ChannelScale: lambda op, at: f"{at.operand} * {at.params[0]}{'[:, None, None]' if at.shapes[0].is_image else ''}",
    PRelu: lambda op, at: call(at.module, at.x) if at.module is not None else call("F.prelu", at.x, *at.params),
    Bias: _bias,
}
MODULES: Modules = {Conv: _conv_module, Deconv: _deconv_module, Linear: _linear_module, PRelu: _prelu_module}
