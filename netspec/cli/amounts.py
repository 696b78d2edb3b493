"""Options whose values are written in their own way: numbers of devices, and amounts with their units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


class DevicesParam(click.ParamType["tuple[int, ...]"]):
    """``2`` or ``1,2,4``: numbers of devices from 1 to ``most``, each once."""

    name = "devices"

    def __init__(self, most: int) -> None:
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        words = str(value).split(",")
        if not all(word.isascii() and word.isdigit() and 0 < int(word[:9]) <= self.most for word in words):
            self.fail(f"{value!r} is no number of devices; write 2, or several, 1,2,4 (1 to {self.most})", param, ctx)
        return tuple(dict.fromkeys(int(word) for word in words))


class AmountParam(click.ParamType[float]):
    """An amount with its unit, which ``parse`` reads; it raises ``ValueError`` with what is wanted."""

    name = "amount"

    def __init__(self, parse: Callable[[str], float]) -> None:
        self.parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return self.parse(str(value))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)
