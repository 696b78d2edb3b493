"""TF32, to which GPUs can round the factors of float32 products (from compute capability 8.0 on)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def matrix_products(*, in_tf32: bool) -> Iterator[None]:
    """Set whether matrix products on a GPU round float32 factors to TF32 inside the context.

    By default they do not, unlike cuDNN's convolutions, unless ``TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1`` is in the
    environment, as in NVIDIA's containers.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if in_tf32 else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
