"""Names near a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name most like a misspelt one, or ``None`` where nothing is near.

    >>> nearest("kernal", ["kernel", "stride"])
    'kernel'
    """
    names = list(known)
    lowered = {name.lower(): name for name in names}
    if word.lower() in lowered:
        return lowered[word.lower()]
    close = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    if close:
        return lowered[close[0]]
    longer = [name for name in names if len(word) > 2 and name.lower().startswith(word.lower())]
    shorter = [name for name in names if len(name) > 2 and word.lower().startswith(name.lower())]
    return min(longer, key=len) if longer else max(shorter, key=len, default=None)
