"""A device or a machine that has no memory left, which libraries say in several ways, or that fails, as a message.
Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netspec.train.errors import TrainError

_GPU = "OutOfMemoryError"
"""What torch raises where a GPU has none left: a ``RuntimeError`` of this name."""

_SAID = ("CUDA error: out of memory", "STATUS_ALLOC_FAILED", "can't allocate memory")
"""What is said in a ``RuntimeError`` of another name: by a GPU's driver (of pages that it is to hold in their place for
it, or of a recorded step), by cuBLAS and cuDNN, and by torch's allocator for the CPU."""

_FAILED = "AcceleratorError"
"""What torch raises of a driver's errors: a ``RuntimeError`` of this name."""


@contextmanager
def memory_told(*notes: str) -> Iterator[None]:
    """Raise ``TrainError``, with these notes, where a device or the machine has no memory left; and where a device
    fails."""
    try:
        yield
    except (MemoryError, RuntimeError) as problem:
        told = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        if is_out_of_memory(problem):
            raise TrainError(f"out of memory: {told}", *notes) from problem
        if type(problem).__name__ == _FAILED:
            raise TrainError(f"the GPU has failed: {told}") from problem
        raise


def is_out_of_memory(problem: Exception) -> bool:
    """Whether an error says that there is no memory: Python's and numpy's, a GPU's, or torch's on the CPU."""
    if isinstance(problem, MemoryError) or type(problem).__name__ == _GPU:
        return True
    return any(words in str(problem) for words in _SAID)
