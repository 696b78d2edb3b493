"""What a picture says of its maker, by which netspec knows the pictures that it drew."""

from __future__ import annotations

from pathlib import Path

PNG_TEXT = {"Software": "netspec"}
"""The text of a PNG that names what wrote it, by its registered keyword."""

SVG_COMMENT = "<!-- drawn by netspec -->"

_PNG = b"\x89PNG\r\n\x1a\n"
_BEGINNING = 4096
"""Bytes. Before these a picture of netspec's has said it."""


def drew(path: Path) -> bool:
    """Whether netspec drew a picture, which may then be overwritten. Raises ``OSError``."""
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING)
    if beginning.startswith(_PNG):
        return all(b"tEXt%s\0%s" % (key.encode(), text.encode()) in beginning for key, text in PNG_TEXT.items())
    return SVG_COMMENT.encode() in beginning
