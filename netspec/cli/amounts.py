"""Click parameter types: device counts such as ``1,2,4``, and amounts with units such as ``3GB``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

_POWERS = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*"
_BYTES = re.compile(_NUMBER + r"([kMGTP]?)(i?)B")
_RATE = re.compile(_NUMBER + r"([kMGTP]?)(B|bit)/s")
_FLOPS = re.compile(_NUMBER + r"([kMGTP]?)(?:FLOPS|FLOP/s)?")


class DevicesParam(click.ParamType["tuple[int, ...]"]):
    """Device counts such as ``2`` or ``1,2,4``, from 1 to ``most``; duplicates are dropped."""

    name = "devices"

    def __init__(self, most: int) -> None:
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        words = str(value).split(",")
        if not all(
            word.isascii() and word.isdigit() and len(word) < 10 and 0 < int(word) <= self.most for word in words
        ):
            hint = f"write 2, or several, 1,2,4 (1 to {self.most})"
            self.fail(f"{value!r} is not a number of devices; {hint}", param, ctx)
        return tuple(dict.fromkeys(int(word) for word in words))


class AmountParam(click.ParamType[float]):
    """An amount with a unit, such as ``3GB``, converted by ``parse``. The message of its ``ValueError`` is shown."""

    name = "amount"

    def __init__(self, parse: Callable[[str], float]) -> None:
        self.parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return self.parse(str(value))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


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
