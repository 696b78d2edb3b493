"""Settings of torch for GPUs that hold inside a context."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def cudnn_benchmark(enabled: bool) -> Iterator[None]:
    """Set whether cuDNN benchmarks its convolution algorithms for each new shape inside the context
    (the pass ``cudnn-benchmark``). Its choices persist until the process ends."""
    before = torch.backends.cudnn.benchmark
    if before == enabled:
        yield
        return
    torch.backends.cudnn.benchmark = enabled
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


@contextmanager
def matrix_products(*, in_tf32: bool) -> Iterator[None]:
    """Set whether matrix products on a GPU round float32 factors to TF32, with 10 bits for the fraction, inside the
    context.

    By default they do not, unlike cuDNN's convolutions, unless ``TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1`` is in the
    environment, as in NVIDIA's containers.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if in_tf32 else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
