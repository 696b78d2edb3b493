"""Click parameter types: device counts, and amounts with units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


class DevicesParam(click.ParamType["tuple[int, ...]"]):
    """Device counts such as ``2`` or ``1,2,4``, from 1 to ``most``; duplicates are dropped."""

    name = "devices"

    def __init__(self, most: int) -> None:
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        words = str(value).split(",")
        if not all(word.isascii() and word.isdigit() and 0 < int(word[:9]) <= self.most for word in words):
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
