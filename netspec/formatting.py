"""Format numbers, lists and texts of other origin for people. All numbers that netspec prints are formatted here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction

_MAX_PLAIN = 1e15
"""From here on a float does not hold every whole number exactly, so its digits would mislead."""


def format_count(number: int) -> str:
    """Return a count with separators: ``60,965,224``."""
    return f"{number:,}"


def format_number(number: Fraction | float | int) -> str:
    """Return a number as a person writes it: ``54.25``, ``55``, ``0.0001``. A fraction has at most three decimals, or
    as many as tell it from a whole number: 18 1/3 is ``18.333``, and 2 1/3999 is ``2.0003``.

    >>> format_number(Fraction(217, 4)), format_number(Fraction(7999, 3999))
    ('54.25', '2.0003')
    >>> format_number(1e-4)
    '0.0001'
    >>> format_number(1e200)
    '1e+200'
    """
    if isinstance(number, Fraction):
        if number.denominator == 1:
            return str(number.numerator)
        texts = (f"{float(number):.{decimals}f}".rstrip("0") for decimals in range(3, 17))
        return next((text for text in texts if not text.endswith(".")), str(round(number)))
    if isinstance(number, int) or (number.is_integer() and abs(number) < _MAX_PLAIN):
        return str(int(number))
    return f"{number:.6g}"


def format_literal(number: float) -> str:
    """Return a number in a spec's notation that reads back as the same float: ``1e-5``, not Python's ``1e-05``.

    >>> format_literal(1e-5), format_literal(0.1), format_literal(128.0), format_literal(1e20)
    ('1e-5', '0.1', '128', '1e+20')
    """
    if number == int(number) and abs(number) < _MAX_PLAIN:
        return str(int(number))
    return re.sub("e([+-])0", r"e\1", repr(number))


def format_bytes(amount: int) -> str:
    """Return a number of bytes with its unit: ``243.9 MB`` (powers of 1000, as for networks and disks).

    >>> format_bytes(243860896), format_bytes(999_960_000)
    ('243.9 MB', '1.0 GB')
    """
    value, unit = _scaled(amount, ("B", "kB", "MB", "GB", "TB"), 999.95)
    return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"


def _scaled(value: float, units: Sequence[str], limit: float) -> tuple[float, str]:
    """Return a number below ``limit`` and its unit; in the last unit, the number may be larger. Each unit is 1000 of
    the one before."""
    for unit in units[:-1]:
        if value < limit:
            return value, unit
        value /= 1000
    return value, units[-1]


def format_percent(part: int, whole: int) -> str:
    """Return a share with one decimal, ``94.8 %``. A share of 0 is ``0.0 %``."""
    return f"{100 * part / whole if whole else 0:.1f} %"


def format_sizes(sizes: Iterable[int]) -> str:
    """Return the sizes of a shape as a spec writes them: ``96x3x11x11``."""
    return "x".join(map(str, sizes))


def format_product(factors: Iterable[int]) -> str:
    """Return numbers that are multiplied, as in arithmetic for people: ``96 * 55 * 55``."""
    return " * ".join(map(str, factors))


def plural(number: int, noun: str) -> str:
    """Return a count with its noun: ``1 error``, ``2 errors``, ``3 classes``."""
    more = "es" if noun.endswith("s") else "s"
    return f"{format_count(number)} {noun}{'' if number == 1 else more}"


def listed(names: Sequence[str], most: int) -> str:
    """Return the first ``most`` of several names, and the number of others.

    >>> listed(["conv1", "conv2"], 2), listed(["conv1", "conv2", "fc3", "fc4"], 2)
    ('conv1, conv2', 'conv1, conv2 and 2 more')
    """
    others = len(names) - most
    return ", ".join(names[:most]) + (f" and {format_count(others)} more" if others > 0 else "")


def format_rounded_count(number: int) -> str:
    """Return a count in three digits, for narrow places: ``34.8 k``, ``105 M``.

    >>> format_rounded_count(37748736)
    '37.7 M'
    """
    value, unit = _scaled(number, ("", " k", " M", " G", " T"), 999.5)
    return f"{value:.3g}{unit}" if value < 999.5 else f"{value:.0f}{unit}"


def format_duration(seconds: float) -> str:
    """Return a time in three digits, or more if it is long: ``1.23 ms``, ``45.6 s``.

    >>> format_duration(0.00123), format_duration(0.9996), format_duration(4321)
    ('1.23 ms', '1 s', '4,321 s')
    """
    for unit, factor in (("µs", 1e6), ("ms", 1e3)):
        if seconds * factor < 999.5:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s" if seconds < 999.5 else f"{seconds:,.0f} s"


def format_rate(rate: float) -> str:
    """Return a rate per second: in three digits below 100, else as a whole number.

    >>> format_rate(0.0437), format_rate(8.36), format_rate(22139.4)
    ('0.0437', '8.36', '22,139')
    """
    return format_count(round(rate)) if rate >= 99.95 else f"{rate:.3g}"


def printable(text: str) -> str:
    r"""Escape what should not be sent to a terminal: control characters, marks of direction, and surrogates of
    undecodable file names.

    >>> printable("a\x1b[31mb\ndcé\udcff")
    'a\\x1b[31mb\\ndcé\\udcff'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
