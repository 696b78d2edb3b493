"""Files of a run or a pack: whole, or not there at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_beside(path: Path, content: bytes) -> None:
    """Write a file beside its final name, flush it to the disk, rename it. Raises ``OSError``.

    A process that is killed in the middle leaves ``.NAME.part``, which the next one writes over.
    """
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
