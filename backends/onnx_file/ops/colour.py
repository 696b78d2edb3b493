"""Colour spaces, as fixed 1x1 convolutions."""

from __future__ import annotations

import numpy as np

from netspec.ir.ops import ColourSpace
from netspec.ir.ops.colour import CUBE_ROOT_FROM, EXPONENT, INTERCEPT, LAB, SLOPE, XYZ, YUV, Matrix

from ..site import Site, Table


def _colour_space(op: ColourSpace, site: Site) -> None:
    if op.to == "yuv":
        site.result("Conv", site.x, _kernels(site, "yuv", YUV))
        return
    t = site.inner("Conv", site.x, _kernels(site, "xyz", XYZ))
    least = site.constant("least", CUBE_ROOT_FROM)
    root = site.inner("Pow", site.inner("Max", t, least), site.constant("exponent", EXPONENT))
    line = site.inner("Add", site.inner("Mul", t, site.constant("slope", SLOPE)), site.constant("intercept", INTERCEPT))
    roots = site.inner("Where", site.inner("Greater", t, least), root, line)
    offsets = site.constant("offsets", np.array([op.offset, 0, 0], dtype=np.float32))
    site.result("Conv", roots, _kernels(site, "lab", LAB), offsets)


def _kernels(site: Site, what: str, matrix: Matrix) -> str:
    return site.constant(what, np.array(matrix, dtype=np.float32)[:, :, None, None])


TABLE: Table = {ColourSpace: _colour_space}
