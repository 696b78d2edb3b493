"""Files of a run or a pack: whole, or not there at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_beside(path: Path) -> Iterator[BinaryIO]:
    """A file to be written beside its final name, which it is given in the end, once the disk has it.

    Where this ends by an error, also by one of the writing, nothing has changed. A process that is killed in the middle
    leaves ``.NAME.part``, which the next one writes over.
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


def write_beside(path: Path, content: bytes) -> None:
    """Write a file as ``written_beside`` does. Raises ``OSError``; then nothing has changed."""
    with written_beside(path) as file:
        file.write(content)


def put_in_place(beside: Path, path: Path) -> None:
    """Give a file that others have written beside its final name this name, once the disk has it. Raises
    ``OSError``."""
    with beside.open("r+b") as file:
        os.fsync(file.fileno())
    beside.replace(path)
