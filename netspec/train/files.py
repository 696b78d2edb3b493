"""Atomic writing of the files of runs and packs: a file is either complete or does not exist.

Files that the user names are written by ``cli.writing``, which keeps their modes and follows links.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file in the same folder; on success, flush it to disk and rename it to ``path``.

    On any error, including one from writing, the temporary file is removed and ``path`` is unchanged. If the process is
    killed in between, it leaves ``.NAME.part``, which the next one overwrites.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file atomically. Raises ``OSError``, in which case ``path`` is unchanged."""
    with atomic_file(path) as file:
        file.write(content)


def finish_atomically(beside: Path, path: Path) -> None:
    """Flush the finished temporary file ``beside`` to disk, and rename it to ``path``. Raises ``OSError``."""
    with beside.open("r+b") as file:
        os.fsync(file.fileno())
    beside.replace(path)
