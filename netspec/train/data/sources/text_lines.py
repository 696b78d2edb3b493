"""Text files with names of classes, of images or of their labels, one a line."""

from __future__ import annotations

from pathlib import Path

from netspec.train.errors import TrainError


def text_lines(path: Path) -> list[str]:
    """Return the lines of a text file, without empty ones at its end. Raises ``OSError``, or ``TrainError`` if it is
    not a text file."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as problem:
        raise TrainError(f"{path} is not a text file") from problem
    while lines and not lines[-1].strip():
        lines.pop()
    return lines
