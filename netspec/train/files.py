"""Files of a run or a pack: whole, or not there at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_beside(path: Path, content: bytes) -> None:
    """Write a file beside its final name, flush it to the disk, rename it. Raises ``OSError``; then nothing is left.

    A process that is killed in the middle leaves ``.NAME.part``, which the next one writes over.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(content)
        put_in_place(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def put_in_place(beside: Path, path: Path) -> None:
    """Give a file that was written beside its final name this name, once the disk has it. Raises ``OSError``."""
    with beside.open("r+b") as file:
        os.fsync(file.fileno())
    beside.replace(path)
