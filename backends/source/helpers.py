"""The helper functions and classes of programs: templates, each named after the function that others call."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

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
    folder = TEMPLATES / "helpers"
    words = dict.fromkeys(_CALL.findall((folder / f"{name}.j2").read_text(encoding="utf-8")))
    return tuple(word for word in words if word != name and (folder / f"{word}.j2").is_file())
