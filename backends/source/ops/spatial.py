"""Pooling, and the fixed functions of the 2012 files."""

from __future__ import annotations

from netspec.ir.ops import AvgPool, Blur, MaxPool, Mirror, Nailbed
from netspec.passes.padding import Padding, pool_padding

from ..site import Expressions, Site
from ..text import call, pair, pair_unless


def _max_pool(op: MaxPool, at: Site) -> str:
    padding = pool_padding(op.window, at.shapes[0])
    x = at.x
    if padding.before is not None:
        x = call("F.pad", x, str(tuple(padding.before)), value="-math.inf")
    options = {"dilation": pair_unless(op.window.dilation, 1), **_own(padding)}
    return call("F.max_pool2d", x, pair(op.window.kernel), pair(op.window.stride), **options)


def _avg_pool(op: AvgPool, at: Site) -> str:
    window, x = op.window, at.shapes[0]
    padding = pool_padding(window, x)
    if padding.before is not None or window.dilation != (1, 1):
        return call(
            at.helper("average_pool"), at.x,
            kernel=str(window.kernel), stride=str(window.stride), dilation=str(window.dilation),
            pad=str(tuple(window.effective_pad(x.height, x.width))),
        )  # fmt: skip
    padded = padding.own != (0, 0)
    options = {**_own(padding), "count_include_pad": "False" if padded else None}
    return call("F.avg_pool2d", at.x, pair(window.kernel), pair(window.stride), **options)


def _own(padding: Padding) -> dict[str, str | None]:
    return {"padding": pair_unless(padding.own, 0), "ceil_mode": "True" if padding.ceil else None}


def _blur(op: Blur, at: Site) -> str:
    return call(at.helper("blur"), at.x, size=str(op.size), stdev=repr(op.stdev))


def _nailbed(op: Nailbed, at: Site) -> str:
    top, left = op.starts(at.shapes[0])
    return f"{at.operand}[:, :, {top}::{op.stride}, {left}::{op.stride}]"


def _mirror(op: Mirror, at: Site) -> str:
    return f"{at.operand}.flip(3)"


EXPRESSIONS: Expressions = {MaxPool: _max_pool, AvgPool: _avg_pool, Blur: _blur, Nailbed: _nailbed, Mirror: _mirror}
