"""The marks by which netspec recognises image files that it has written."""

from __future__ import annotations

from pathlib import Path

PNG_TEXT = {"Software": "netspec"}
"""The text chunk of a PNG file that names the program that wrote it."""

SVG_COMMENT = "<!-- drawn by netspec -->"

_PNG = b"\x89PNG\r\n\x1a\n"
_BEGINNING = 4096
"""netspec's images have their mark in this many bytes from the start."""


def is_own_image(path: Path) -> bool:
    """Whether netspec wrote an image file, so that it may be overwritten. Raises ``OSError``."""
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING)
    if beginning.startswith(_PNG):
        return all(b"tEXt%s\0%s" % (key.encode(), text.encode()) in beginning for key, text in PNG_TEXT.items())
    return SVG_COMMENT.encode() in beginning
