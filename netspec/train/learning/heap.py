"""Whether freed memory is kept by the process or given back to the system (``passes.fast.kept_memory``)."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Options of mallopt(3), with the numbers that the GNU C library's malloc.h gives them.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_MIB = 2**20

_KEEP = {_MMAP_MAX: 0, _TRIM_THRESHOLD: -1}
"""No pieces of their own from the system, and none given back."""

_GIVE_BACK = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 32 * _MIB, _TRIM_THRESHOLD: 64 * _MIB}
"""What the library comes to by itself in a process that frees large pieces: its rule ends at these."""


def keep_memory(kept: bool) -> None:
    """Keep freed memory from now on, or give back what is free and leave the rest to the library, which gives back
    large pieces that lie at the end of its memory. Does nothing where the C library is another one."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is None or not hasattr(library, "mallopt"):
        return
    for option, value in (_KEEP if kept else _GIVE_BACK).items():
        library.mallopt(option, value)
    if not kept:
        library.malloc_trim(0)


@contextmanager
def memory_kept(kept: bool) -> Iterator[None]:
    """Keep freed memory for as long as this lasts, where it is to be kept."""
    if not kept:
        yield
        return
    keep_memory(True)
    try:
        yield
    finally:
        keep_memory(False)
