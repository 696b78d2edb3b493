"""What is computed in float32 although autocast makes values of less: sums of squares under a power, and losses.

Autocast knows torch's own losses and powers, not the operations that are written here out of several.
"""

from __future__ import annotations

import torch
import torch.fx
from torch import Tensor


def widened(x: Tensor) -> Tensor:
    """The value in float32, where autocast made it less. A module that was converted whole stays as it is."""
    return _widened(x)


@torch.fx.wrap  # a choice by the type of a value, which a symbolic trace has not yet: it keeps the call
def _widened(x: Tensor) -> Tensor:
    narrow = x.dtype in (torch.bfloat16, torch.float16)
    return x.float() if narrow and torch.is_autocast_enabled(x.device.type) else x
