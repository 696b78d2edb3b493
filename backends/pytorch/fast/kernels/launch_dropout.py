"""Launch the kernel of dropout."""

from __future__ import annotations

import torch
import triton
from torch import Tensor

from .dropout import dropped

_TILE = 1024
"""Elements per program: 8 per thread."""


def dropout(x: Tensor, keys: Tensor, first_sample: int, first_unit: int, least: int, scale: float) -> Tensor:
    """Return N,... times ``scale``, or 0 for units whose random words are less than ``least``.

    ``keys`` are the pairs of keys of a layer, int64; only the first pair is used.
    """
    x = x.contiguous()
    y = torch.empty_like(x)
    if x.numel() == 0:
        return y
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        dropped[(triton.cdiv(x.numel(), _TILE),)](
            x, y, keys, x.numel(), first_sample, first_unit, scale,
            THRESHOLD=least, UNITS=x[0].numel(), NUMBERS=_TILE, enable_fp_fusion=False,
        )  # fmt: skip
    return y
