"""Names of other programs as names in a spec."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

_ODD = re.compile(r"[^A-Za-z0-9_-]+")
_ACCENT = re.compile(r"[\u0300-\u036f]")
_MAX_LENGTH = 60


def identifier(name: str) -> str:
    """Convert a name to a valid one: letters, digits, ``_`` and ``-``, not starting with a digit or a hyphen.

    Accents are left out, and each sequence of other signs becomes ``_``.

    >>> identifier("Entrée 1"), identifier("3x3/reduce")
    ('Entree_1', 'n3x3_reduce')
    """
    plain = _ACCENT.sub("", unicodedata.normalize("NFKD", name))
    word = _ODD.sub("_", plain)[:_MAX_LENGTH].rstrip("-") or "layer"
    return word if word[0].isalpha() or word[0] == "_" else f"n{word}" if word[0].isdigit() else f"_{word}"


def untaken(name: str, taken: Container[str], joint: str = "_") -> str:
    """Return a name, with the least number from 2 behind it that makes it different from those that are taken.

    >>> untaken("fire", {"fire", "fire_2"})
    'fire_3'
    """
    number, result = 1, name
    while result in taken:
        number += 1
        result = f"{name}{joint}{number}"
    return result
