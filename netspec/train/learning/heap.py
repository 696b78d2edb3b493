"""Keeping freed memory in the process instead of returning it to the system (the pass ``kept-memory``)."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Options of mallopt(3), with their values in the GNU C library's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_MIB = 2**20

_KEEP = {_MMAP_MAX: 0, _TRIM_THRESHOLD: -1}
"""Never allocate blocks with mmap, and never return memory to the system."""

_GIVE_BACK = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 32 * _MIB, _TRIM_THRESHOLD: 64 * _MIB}
"""The values at which the library's dynamic thresholds end in a process that frees large blocks."""


def keep_memory(kept: bool) -> None:
    """Keep freed memory from now on, or return what is free and let the library return freed memory again.

    Does nothing unless the C library is GNU's.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is None or not hasattr(library, "mallopt"):
        return
    for option, value in (_KEEP if kept else _GIVE_BACK).items():
        library.mallopt(option, value)
    if not kept:
        library.malloc_trim(0)


@contextmanager
def memory_kept(kept: bool) -> Iterator[None]:
    """Keep freed memory inside the context if ``kept`` is true."""
    if not kept:
        yield
        return
    keep_memory(True)
    try:
        yield
    finally:
        keep_memory(False)
