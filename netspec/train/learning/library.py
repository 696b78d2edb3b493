"""Which of cuDNN's algorithms convolutions take (``passes.fast.cudnn_benchmark``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def algorithms_tried(tried: bool) -> Iterator[None]:
    """Whether cuDNN tries its algorithms for each new shape, for as long as this lasts. What it has found out it keeps
    for as long as the process lasts, whatever is asked of it later."""
    before = torch.backends.cudnn.benchmark
    if before == tried:
        yield
        return
    torch.backends.cudnn.benchmark = tried
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
