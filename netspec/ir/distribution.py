"""What initial values are drawn from, with the numbers worked out."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.units import plain


@dataclass(frozen=True, slots=True)
class Normal:
    """Gaussian with this mean and standard deviation."""

    mean: float
    std: float

    def __str__(self) -> str:
        return f"normal(mean {plain(self.mean)}, std {plain(self.std)})"


@dataclass(frozen=True, slots=True)
class Uniform:
    """Uniform between two bounds."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"uniform({plain(self.low)} to {plain(self.high)})"


@dataclass(frozen=True, slots=True)
class Constant:
    """One value everywhere."""

    value: float

    def __str__(self) -> str:
        return f"constant {plain(self.value)}"


Distribution = Normal | Uniform | Constant
