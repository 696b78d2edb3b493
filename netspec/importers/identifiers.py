"""Names of other programs as names in a spec."""

from __future__ import annotations

import re

_ODD = re.compile(r"[^A-Za-z0-9_-]+")
_MAX_LENGTH = 60


def identifier(name: str) -> str:
    """Convert a name to a valid one: letters, digits, ``_`` and ``-``, not starting with a digit or a hyphen."""
    word = _ODD.sub("_", name)[:_MAX_LENGTH].rstrip("-") or "layer"
    return word if word[0].isalpha() or word[0] == "_" else f"n{word}" if word[0].isdigit() else f"_{word}"
