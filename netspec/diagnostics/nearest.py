"""Find the known name that a misspelt one means."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Iterable

from netspec.diagnostics.other_tools.types import ABSENT_TYPES
from netspec.diagnostics.other_tools.words import WORDS, plain_word

MAX_EDITS = 4
MAX_WORD_LENGTH = 100
MAX_RIVALS = 200
"""The most known names that are compared to see whether another is as near."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that a misspelt one most likely means, or ``None`` if none is near.

    In this order: a name that is another tool's word for the same; the nearest name with at most a third of its letters
    and digits wrong (``distance``); a name that contains the word or is contained in it, or, for a word of two letters,
    the only name that begins with them. Among equally near names, the one with the nearest number wins (of ``conv1`` to
    ``conv5``, ``conv5`` for ``conv9``), else the first.

    >>> nearest("kernal", ["kernel", "stride"])
    'kernel'
    >>> nearest("kernel_size", ["kernel", "stride"])
    'kernel'
    """
    return _nearest(word, tuple(known))


@functools.lru_cache(maxsize=1024)
def _nearest(word: str, names: tuple[str, ...]) -> str | None:
    """Cached, because a file that is checked again after one change asks for the same words."""
    sought, plain = word.lower(), plain_word(word[: MAX_WORD_LENGTH + 1])
    for meant in WORDS.get(plain, ()):
        if meant in names and word not in names:
            return meant
    if plain in ABSENT_TYPES:
        return next((name for name in names if plain_word(name) == plain), None)
    best, best_distance = None, min(sum(map(str.isalnum, sought)) // 3, MAX_EDITS) + 1
    for name in names:
        candidate = name.lower()
        if candidate == sought:
            return name
        if abs(len(candidate) - len(sought)) <= best_distance:
            errors = distance(sought, candidate, best_distance + 1)
            equal = errors == best_distance
            if errors < best_distance or (equal and best and _nearer(sought, candidate, best.lower())):
                best, best_distance = name, errors
    return best or _contained(sought, names)


def did_you_mean(near: str | None) -> str:
    """Return the end of a message on an unknown name, ``; did you mean conv1?``, empty if no known one is near."""
    return f"; did you mean {near}?" if near else ""


class Suggestions:
    """Finds the nearest names of several misspelt ones, until ``most`` names have been compared."""

    def __init__(self, most: int) -> None:
        self._left = most

    def nearest(self, word: str, known: Collection[str]) -> str | None:
        """Return the known name that a word most likely means; ``None`` if none is near or too many were compared."""
        if self._left <= 0:
            return None
        self._left -= len(known)
        return nearest(word, known)


def _nearer(sought: str, one: str, other: str) -> bool:
    """Whether the number in the name ``one`` is nearer to that in ``sought`` than the number in ``other``."""
    numbers = [int("".join(filter(str.isdecimal, name)) or 0) for name in (sought, one, other)]
    return abs(numbers[0] - numbers[1]) < abs(numbers[0] - numbers[2])


def is_slip(word: str, meant: str, known: Iterable[str] = ()) -> bool:
    """Whether a word is clearly a misspelling of ``meant``, so that it can be corrected without asking.

    It is not if it is another tool's word, if its digits differ (``conv9`` is no misspelling of ``conv1``), or if
    another known name is as near.

    >>> is_slip("kernal", "kernel"), is_slip("conv9", "conv1"), is_slip("dense", "fc")
    (True, False, False)
    """
    rivals = itertools.islice((name for name in known if name != meant), MAX_RIVALS)
    return _is_slip(word, meant, tuple(rivals))


@functools.lru_cache(maxsize=1024)
def _is_slip(word: str, meant: str, rivals: tuple[str, ...]) -> bool:
    """Cached, as ``_nearest`` is."""
    a, b = word.lower(), meant.lower()
    limit = min(len(a) // 3, MAX_EDITS) + 1
    errors = distance(a, b, limit)
    if errors == limit or [c for c in a if c.isdigit()] != [c for c in b if c.isdigit()]:
        return False
    return not any(distance(a, name.lower(), errors + 1) <= errors for name in rivals)


def _contained(sought: str, names: tuple[str, ...]) -> str | None:
    if len(sought) > MAX_WORD_LENGTH:
        return None
    if len(sought) == 2:
        matches = [name for name in names if name.lower().startswith(sought)]
        return matches[0] if len(matches) == 1 else None
    longer = [name for name in names if len(sought) > 2 and sought in name.lower()]
    shorter = [name for name in names if len(name) > 2 and name.lower() in sought]
    return min(longer, key=len) if longer else max(shorter, key=len, default=None)


def distance(a: str, b: str, limit: int) -> int:
    """Return the number of insertions, deletions, substitutions and swaps of neighbours that turn one word into the
    other, but at most ``limit``.

    This is the optimal string alignment distance. Common prefixes and suffixes are removed first, because the names in
    a file are mostly alike.

    >>> distance("lyaer1", "layer1", 3)
    1
    """
    start, end = 0, min(len(a), len(b))
    while start < end and a[start] == b[start]:
        start += 1
    stop = 0
    while stop < end - start and a[-1 - stop] == b[-1 - stop]:
        stop += 1
    a, b = a[start : len(a) - stop], b[start : len(b) - stop]
    if len(set(a) - set(b)) >= limit:
        return limit
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, above, row = row, before, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
        if min(row) >= limit and min(before) >= limit:
            return limit
    return min(row[-1], limit)
