"""Pooling, and the fixed image operations of cuda-convnet: blur, crop, resize and the like."""

from __future__ import annotations

from netspec.ir import ops
from netspec.ir.ops.scaling import UpsamplingMethod
from netspec.ir.shape import Shape
from netspec.ir.window import Window
from netspec.passes.padding import Padding, exact_padding, pool_padding

from ..site import Expressions, Site
from ..text import call, pair, pair_unless, string


def _max_pool(op: ops.MaxPool, at: Site) -> str:
    padding = pool_padding(op.window, at.shapes[0])
    x = at.x
    if padding.image_pad is not None:
        x = call("F.pad", x, str(tuple(padding.image_pad)), value="-math.inf")
    options = {"dilation": pair_unless(op.window.dilation, 1), **_own(padding)}
    return call("F.max_pool2d", x, *_sides(op.window, at.shapes[0]), **options)


def _avg_pool(op: ops.AvgPool, at: Site) -> str:
    window, x = op.window, at.shapes[0]
    padding = pool_padding(window, x)
    if padding.image_pad is not None or window.dilation != (1, 1):
        return call(
            at.helper("average_pool"), at.x,
            **_window(window), pad=str(tuple(window.effective_pad(x.height, x.width))),
        )  # fmt: skip
    padded = padding.op_pad != (0, 0)
    options = {**_own(padding), "count_include_pad": "False" if padded else None}
    return call("F.avg_pool2d", at.x, *_sides(window, x), **options)


def _sum_pool(op: ops.SumPool, at: Site) -> str:
    x = at.shapes[0]
    pad = op.window.effective_pad(x.height, x.width)
    return call(at.helper("sum_pool"), at.x, **_window(op.window), pad=str(tuple(pad)))


def _max_abs_pool(op: ops.MaxAbsPool, at: Site) -> str:
    pad = exact_padding(op.window, at.shapes[0])
    return call(at.helper("max_abs_pool"), at.x, **_window(op.window), pad=str(tuple(pad)))


def _sides(window: Window, x: Shape) -> list[str]:
    """Return the kernel, and the stride if it matters and is not the kernel, the default of ``torch.nn.functional``."""
    single = window.kernel == (x.height, x.width) and not any(window.pad)
    return [pair(window.kernel), *([] if single or window.stride == window.kernel else [pair(window.stride)])]


def _window(window: Window) -> dict[str, str]:
    return {"kernel": str(window.kernel), "stride": str(window.stride), "dilation": str(window.dilation)}


def _own(padding: Padding) -> dict[str, str | None]:
    return {"padding": pair_unless(padding.op_pad, 0), "ceil_mode": "True" if padding.ceil_mode else None}


def _nailbed(op: ops.Nailbed, at: Site) -> str:
    top, left = op.starts(at.shapes[0])
    return f"{at.operand}[:, :, {top}::{op.stride}, {left}::{op.stride}]"


def _interpolated(method: UpsamplingMethod, at: Site, **size: str) -> str:
    """Repeat pixels, or interpolate between them, in float32."""
    if method == "nearest":
        return call("F.interpolate", at.x, **size, mode=string("nearest"))
    corners = "True" if method == "corners" else None
    return call("F.interpolate", at.float32, **size, mode=string("bilinear"), align_corners=corners)


def _random_scale(op: ops.RandomScale, at: Site) -> str:
    options = {"size": str(op.size), "max_scale": repr(op.max_scale)}
    return call(at.helper("random_scale"), at.x, string(at.name), "self.training", at.random_state, **options)


EXPRESSIONS: Expressions = {
    ops.MaxPool: _max_pool,
    ops.AvgPool: _avg_pool,
    ops.SumPool: _sum_pool,
    ops.MaxAbsPool: _max_abs_pool,
    ops.Blur: lambda op, at: call(at.helper("blur"), at.x, size=str(op.size), stdev=repr(op.stdev)),
    ops.Nailbed: _nailbed,
    ops.Mirror: lambda op, at: f"{at.operand}.flip(3)",
    ops.Crop: lambda op, at: f"{at.operand}[:, :, {op.top}:{op.top + op.height}, {op.left}:{op.left + op.width}]",
    ops.ZeroPad: lambda op, at: call("F.pad", at.x, str(tuple(op.pad))),
    ops.EdgePad: lambda op, at: call("F.pad", at.x, str(tuple(op.pad)), mode=string("replicate")),
    ops.ReflectPad: lambda op, at: call("F.pad", at.x, str(tuple(op.pad)), mode=string("reflect")),
    ops.BinPool: lambda op, at: call("F.adaptive_avg_pool2d", at.x, pair(op.bins)),
    ops.Resize: lambda op, at: call(at.helper("resize"), at.x, step=repr(op.step)),
    ops.Upsample: lambda op, at: _interpolated(op.method, at, scale_factor=pair(op.factor)),
    ops.Interpolate: lambda op, at: _interpolated(op.method, at, size=str(op.size)),
    ops.RandomScale: _random_scale,
}
