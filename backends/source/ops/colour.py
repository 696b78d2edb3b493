"""Colour spaces."""

from __future__ import annotations

from netspec.ir.ops import ColourSpace

from ..site import Expressions, Site
from ..text import call


def _colour_space(op: ColourSpace, at: Site) -> str:
    if op.to == "yuv":
        return call(at.helper("to_yuv"), at.x)
    return call(at.helper("to_lab"), at.x, offset=repr(op.offset))


EXPRESSIONS: Expressions = {ColourSpace: _colour_space}
