"""An exclusive file lock. The operating system releases it when the process ends, however that happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class LockHeld(Exception):
    """The lock is held by another process."""


@contextmanager
def exclusive_lock(file: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, which is created if necessary.

    On a file system without locks this has no effect. Raises ``LockHeld`` if another process holds the lock, and
    ``OSError`` if the file cannot be opened.
    """
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            _lock(handle)
        except (BlockingIOError, PermissionError) as error:
            raise LockHeld from error
        except OSError:
            pass  # this file system does not support locks
        yield
    finally:
        os.close(handle)
