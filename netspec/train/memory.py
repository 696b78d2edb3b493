"""Turning out-of-memory errors, which libraries report in various ways, and device failures into ``TrainError``.

This module does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netspec.train.errors import TrainError

_OUT_OF_MEMORY = "OutOfMemoryError"
"""The name of torch's subclass of ``RuntimeError`` for a GPU without free memory."""

_MESSAGES = (
    "CUDA error: out of memory",
    "STATUS_ALLOC_FAILED",
    "can't allocate memory",
    "[CUDA]: out of memory",
    "'out of memory'",
)
"""Parts of the messages of other ``RuntimeError``s about lack of memory: from the CUDA driver (pinned memory, CUDA
graphs), from cuBLAS and cuDNN, from torch's CPU allocator, from Triton, and from NCCL."""

_DRIVER_ERROR = "AcceleratorError"
"""The name of torch's subclass of ``RuntimeError`` for errors of the CUDA driver."""


@contextmanager
def memory_errors(*notes: str) -> Iterator[None]:
    """Convert out-of-memory errors within this context to ``TrainError`` with these notes, and GPU failures too."""
    try:
        yield
    except (MemoryError, RuntimeError) as problem:
        first_line = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        if is_out_of_memory(problem):
            raise TrainError(f"out of memory: {first_line}", *notes) from problem
        if type(problem).__name__ == _DRIVER_ERROR:
            raise TrainError(f"the GPU has failed: {first_line}") from problem
        raise


def is_out_of_memory(problem: Exception) -> bool:
    """Whether an error means that memory has run out: in Python, in NumPy, on a GPU, or in torch on the CPU."""
    if isinstance(problem, MemoryError) or type(problem).__name__ == _OUT_OF_MEMORY:
        return True
    return any(words in str(problem) for words in _MESSAGES)
