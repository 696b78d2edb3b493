"""The helper functions and classes of programs: templates, each named after the function that others call."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from .names import TEMPLATES

_CALL = re.compile(r"(?<![.\w])\w+(?=\()")


def with_their_own(names: Iterable[str]) -> tuple[str, ...]:
    """Return helpers in their order, each after the helpers that it calls itself."""
    result: dict[str, None] = {}
    for name in names:
        result |= dict.fromkeys((*with_their_own(_called(name)), name))
    return tuple(result)


@cache
def _called(name: str) -> tuple[str, ...]:
    """Return the other helpers that a helper calls."""
    words = dict.fromkeys(_CALL.findall(helper_text(name)))
    return tuple(word for word in words if word != name and _path(word).is_file())


def helper_text(name: str) -> str:
    """Return the template of a helper."""
    return _path(name).read_text(encoding="utf-8")


def _path(name: str) -> Path:
    return TEMPLATES / "helpers" / f"{name}.j2"
