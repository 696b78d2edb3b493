"""Running out of memory, which libraries say in several ways, as a message. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netspec.train.errors import TrainError

_GPU = "OutOfMemoryError"
"""What torch raises where a GPU has none left: a ``RuntimeError`` of this name."""

_DRIVER = "CUDA error: out of memory"
"""What a GPU's driver says by itself, in a ``RuntimeError`` of another name: of pages that it is to hold in their place
for it, or of a recorded step."""

_CPU = "can't allocate memory"
"""What torch's allocator for the CPU says in a plain ``RuntimeError``."""


@contextmanager
def memory_told(*notes: str) -> Iterator[None]:
    """Raise ``TrainError``, with these notes, where a device or the machine has no memory left."""
    try:
        yield
    except (MemoryError, RuntimeError) as problem:
        if not is_out_of_memory(problem):
            raise
        told = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise TrainError(f"out of memory: {told}", *notes) from problem


def is_out_of_memory(problem: Exception) -> bool:
    """Whether an error says that there is no memory: Python's and numpy's, a GPU's, or torch's on the CPU."""
    if isinstance(problem, MemoryError) or type(problem).__name__ == _GPU:
        return True
    return any(words in str(problem) for words in (_DRIVER, _CPU))
