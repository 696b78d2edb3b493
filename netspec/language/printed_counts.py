"""Counts as papers print them, ``60 million``, ``12 582 912`` or ``3.6 x 10^9``, and as a spec writes them."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

LETTERS = {"K": 3, "M": 6, "G": 9}
"""The power of ten that each letter of a rounded count stands for."""

NAMES = (
    *("units", "neurons", "weights", "parameters", "params", "param", "connections"),
    *("macs", "madds", "mult-adds", "multiply-adds", "flops", "layers", "depth"),
)
"""What the counts that a claim may state are called, in small letters."""

_POWERS = {
    **dict.fromkeys(("k", "thousand"), 3),
    **dict.fromkeys(("m", "mm", "mio", "mln", "mn", "million"), 6),
    **dict.fromkeys(("g", "b", "bn", "billion"), 9),
    **dict.fromkeys(("t", "trillion"), 12),
}
_SUPERSCRIPTS = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
_DECIMALS = str.maketrans(_SUPERSCRIPTS, "0123456789")
_SPACE = r"[ \t\u00a0\u2009\u202f]"
_NAME = f"(?i:{'|'.join(NAMES)})"
_ABOUT = r"(?:[~\u2248\u223c][ \t]*)?"
_NUMBER = (
    rf"\d{{1,3}}(?:(?:,\d{{3}}){{1,6}}|(?:['\u2019]\d{{3}}){{1,6}}|(?:{_SPACE}+\d{{3}}){{1,6}}|(?:\.\d{{3}}){{2,6}})(?!\d)"
    r"|\d{1,12}(?:_\d{3}){1,6}|\d{1,18}(?:\.\d{1,18})?|\.\d{1,18}"
)
_POWER = rf"[ \t]*[x*\u00d7\u00b7][ \t]*10(?:(?:\^|\*\*)(?P<power>\d{{1,2}})|(?P<raised>[{_SUPERSCRIPTS}]{{1,2}}))"
_SCALE = rf"{_SPACE}*(?P<scale>(?i:{'|'.join(sorted(_POWERS, key=len, reverse=True))}))(?![\w.^+-])"
_END = r"(?![\w^%'\u2019]|[.,]\d|[ \t]*[*+x\u00d7\u00b7\u00b1\u2013-][ \t]*[\d(])"
_COUNT = rf"{_ABOUT}(?P<number>{_NUMBER})(?:{_POWER}|[eE]\+?(?P<exponent>\d{{1,2}}))?(?:{_SCALE})?{_END}"
_AFTER = rf"[ \t]+(?P<name>{_NAME})\b(?![ \t]*[=:])"


@functools.cache
def _printed() -> re.Pattern[str]:
    """Compile the pattern of a printed count when one is first looked for: it takes 3 ms."""
    return re.compile(f"{_COUNT}(?:{_AFTER})?")


def _plain(pattern: str) -> str:
    """Return a pattern without the names of its groups."""
    return re.sub(r"\?P<\w+>", "?:", pattern)


_ASSIGNED = r"[ \t]*(?:[=:][ \t]*(?=[~\u2248\u223c.\d])|(?=[~\u2248\u223c]))"

BEHIND_NAME = rf"\b{_NAME}{_ASSIGNED}{_plain(_COUNT)}(?:{_plain(_AFTER)})?"
"""A pattern, without named groups, of a name and a count."""

BEFORE_NAME = rf"(?:->[ \t]*|(?<![\w.=+-])){_plain(_COUNT)}{_plain(_AFTER)}(?:,(?=[ \t]*\d))?"
"""A pattern, without named groups, of a count and a name, perhaps with an arrow before it, or a comma behind it."""


class Printed(NamedTuple):
    """A printed count: the offset behind it, its text as a spec writes it, and the name that follows it, or nothing."""

    end: int
    text: str
    name: str


def printed_count(text: str, start: int = 0, stop: int | None = None) -> Printed | None:
    """Read the count that is printed at an offset of a text; ``None`` if there is none, or if it is no whole number."""
    match = _printed().match(text, start, len(text) if stop is None else stop)
    count = match and _written(match)
    return Printed(match.end(), count, match["name"] or "") if match and count else None


def _written(match: re.Match[str]) -> str | None:
    """Write a count with as many digits as it is printed with."""
    number, scale = match["number"], match["scale"]
    is_grouped = number.count(".") > 1 or not re.fullmatch(r"[\d.]+", number)
    whole, _, decimals = re.sub(r"[^\d]", "", number).partition(".") if is_grouped else number.partition(".")
    raised = match["power"] or (match["raised"] or "").translate(_DECIMALS) or match["exponent"] or "0"
    step = int(raised) + (_POWERS[scale.lower()] if scale else 0) - len(decimals)
    digits = (whole + decimals).lstrip("0") or "0"
    if step < 0:
        return None
    if step == 0 or (not scale and len(digits) + step <= 3):
        return digits + "0" * step
    letter = next((one for one, power in LETTERS.items() if power >= step), "G")
    if scale and (own := scale[0].upper().replace("B", "G")) in LETTERS and LETTERS[own] >= step:
        letter = own
    places = LETTERS[letter] - step
    if places <= 0:
        return f"{digits}{'0' * -places}{letter}"
    digits = digits.rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}{letter}"
