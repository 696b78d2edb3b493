"""Operations that take, rearrange, reduce or mix channels."""

from __future__ import annotations

from netspec.ir.ops import ChannelMax, ChannelMean, ColourSpace, PixelShuffle, PixelUnshuffle, Shuffle, Slice

from ..site import Expressions, Site
from ..text import call


def _slice(op: Slice, at: Site) -> str:
    first, count = op.of_group
    if op.groups == 1:
        return f"{at.operand}[:, {first}:{first + count}]"
    shares = f"{at.operand}.unflatten(1, ({at.division.share(op.groups)}, -1))"
    return f"{shares}[:, :, {first}:{first + count}].flatten(1, 2)"


def _shuffle(op: Shuffle, at: Site) -> str:
    if op.shares == 1:
        return f"{at.operand}.unflatten(1, ({op.groups}, -1)).transpose(1, 2).flatten(1, 2)"
    matrices = f"{at.operand}.unflatten(1, ({at.division.share(op.shares)}, {op.groups}, -1))"
    return f"{matrices}.transpose(2, 3).flatten(1, 3)"


def _by_groups(groups: int, at: Site) -> str:
    return f"{at.operand}.unflatten(1, ({at.division.share(groups)}, -1))"


def _channel_max(op: ChannelMax, at: Site) -> str:
    if op.groups == 1:
        return f"{at.operand}.max(1, keepdim=True).values"
    return f"{_by_groups(op.groups, at)}.max(2).values"


def _channel_mean(op: ChannelMean, at: Site) -> str:
    return f"{at.operand}.mean(1, keepdim=True)" if op.groups == 1 else f"{_by_groups(op.groups, at)}.mean(2)"


def _colour_space(op: ColourSpace, at: Site) -> str:
    if op.to == "yuv":
        return call(at.helper("to_yuv"), at.x)
    return call(at.helper("to_lab"), at.x, offset=repr(op.offset))


EXPRESSIONS: Expressions = {
    Slice: _slice,
    Shuffle: _shuffle,
    PixelShuffle: lambda op, at: call("F.pixel_shuffle", at.x, str(op.factor)),
    PixelUnshuffle: lambda op, at: call("F.pixel_unshuffle", at.x, str(op.factor)),
    ChannelMax: _channel_max,
    ChannelMean: _channel_mean,
    ColourSpace: _colour_space,
}
