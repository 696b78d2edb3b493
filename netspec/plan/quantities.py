"""Parsing amounts with units: ``3GB``, ``25GB/s``, ``400T``."""

from __future__ import annotations

import re

_POWERS = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*"
_BYTES = re.compile(_NUMBER + r"([kMGTP]?)(i?)B")
_RATE = re.compile(_NUMBER + r"([kMGTP]?)(B|bit)/s")
_FLOPS = re.compile(_NUMBER + r"([kMGTP]?)(?:FLOPS|FLOP/s)?")


def parse_bytes(text: str) -> int:
    """Parse ``3GB`` as 3,000,000,000 and ``3GiB`` as 3 x 2^30. Raises ``ValueError`` with the expected form."""
    match = _BYTES.fullmatch(text)
    if not match or (match[3] and not match[2]):
        raise ValueError(f"{text!r} is not an amount of memory; write 3GB (powers of 1000) or 3GiB (of 1024)")
    return _positive(text, float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[match[2]])


def parse_link(text: str) -> float:
    """Parse ``25GB/s`` or ``200Gbit/s`` as bytes per second. Raises ``ValueError`` with the expected form."""
    match = _RATE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not the speed of a link; write bytes a second, 25GB/s, or bits, 200Gbit/s")
    return _positive(text, float(match[1]) * 1000 ** _POWERS[match[2]]) / (8 if match[3] == "bit" else 1)


def parse_flops(text: str) -> float:
    """Parse ``400T`` as 4e14 floating-point operations per second. Raises ``ValueError`` with the expected form."""
    match = _FLOPS.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a computing speed; write FLOPs a second, 400T or 19.5TFLOPS")
    return _positive(text, float(match[1]) * 1000 ** _POWERS[match[2]])


def _positive(text: str, amount: float) -> int:
    if amount < 1:
        raise ValueError(f"{text!r} is nothing; write a positive amount")
    return int(amount)
