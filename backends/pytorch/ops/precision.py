"""Conversion to float32, for powers of sums of squares and for losses under autocast.

Autocast does this for torch's own losses and powers, but not for operations that this package composes of several.
"""

from __future__ import annotations

import torch
import torch.fx
from torch import Tensor

_NARROW = (torch.bfloat16, torch.float16)


def widened(x: Tensor) -> Tensor:
    """Convert a bfloat16 or float16 value to float32 if autocast is on.

    Without autocast, as in a model converted to bfloat16 as a whole, the value is returned unchanged.
    """
    return _widened(x)


@torch.fx.wrap  # keep the call in symbolic traces, whose proxies have no type to branch on
def _widened(x: Tensor) -> Tensor:
    return wide(x) if is_narrowed(x) else x


def is_narrowed(x: Tensor) -> bool:
    """Whether a value is bfloat16 or float16 and autocast is on."""
    # The type is looked at first, because the meta device has no autocast.
    return x.dtype in _NARROW and torch.is_autocast_enabled(x.device.type)


def wide(x: Tensor) -> Tensor:
    """Convert a bfloat16 or float16 value to float32; return others unchanged."""
    return x.float() if x.dtype in _NARROW else x
