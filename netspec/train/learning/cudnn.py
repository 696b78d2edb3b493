"""The choice of cuDNN's convolution algorithms (``passes.fast.cudnn_benchmark``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def cudnn_benchmark(enabled: bool) -> Iterator[None]:
    """Set whether cuDNN benchmarks its algorithms for each new shape inside the context. Its choices persist until the
    process ends."""
    before = torch.backends.cudnn.benchmark
    if before == enabled:
        yield
        return
    torch.backends.cudnn.benchmark = enabled
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
