"""A lock on a file that one process at a time holds. It goes with its process, however that ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Taken(Exception):
    """Another process holds the lock."""


@contextmanager
def only_process(file: Path) -> Iterator[None]:
    """Hold the lock on a file, which is made if it is not there. A file system that knows no locks keeps nobody out.

    Raises ``Taken``, or ``OSError`` where the file cannot be made.
    """
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            _take(handle)
        except (BlockingIOError, PermissionError) as taken:
            raise Taken from taken
        except OSError:
            pass  # no locks on this file system
        yield
    finally:
        os.close(handle)
