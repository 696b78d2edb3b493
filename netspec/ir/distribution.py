"""The distributions of initial values, with all parameters computed, and values that are not drawn."""

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


@dataclass(frozen=True, slots=True)
class Bilinear:
    """The weights of a bilinear interpolation, the same in each kernel of ``kernel`` (height, width) pixels.

    They are those of Caffe's filler ``bilinear`` (include/caffe/filler.hpp): the product of a factor for the row and
    one for the column, 1 - |i - (k - 1) / 2| / ceil(k / 2) for number i of k. A transposed convolution with k = 2 s - s
    mod 2, a stride of s and a group for each channel then interpolates between its pixels.
    """

    kernel: tuple[int, int]

    @property
    def values(self) -> list[list[float]]:
        """The rows of a kernel."""
        rows, columns = map(_triangle, self.kernel)
        return [[row * column for column in columns] for row in rows]

    @property
    def mean_square(self) -> float:
        """The mean square of the weights."""
        rows, columns = (sum(x * x for x in _triangle(size)) / size for size in self.kernel)
        return rows * columns

    def __str__(self) -> str:
        return "the weights of a bilinear interpolation"


def _triangle(size: int) -> list[float]:
    return [1 - abs(i - (size - 1) / 2) / ((size + 1) // 2) for i in range(size)]


Distribution = Normal | Uniform | Constant | Bilinear
