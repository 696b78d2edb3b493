"""The distributions of initial values, with all parameters computed."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.formatting import format_number


@dataclass(frozen=True, slots=True)
class Normal:
    """The normal distribution with this mean and standard deviation."""

    mean: float
    std: float

    def __str__(self) -> str:
        return f"normal(mean {format_number(self.mean)}, std {format_number(self.std)})"


@dataclass(frozen=True, slots=True)
class Uniform:
    """The uniform distribution between two bounds."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"uniform({format_number(self.low)} to {format_number(self.high)})"


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value everywhere."""

    value: float

    def __str__(self) -> str:
        return f"constant {format_number(self.value)}"


Distribution = Normal | Uniform | Constant
