"""Connection tables: which input channels each filter of a convolution reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionTable:
    """The channels that each filter reads: one row for each filter, with channel numbers from 0 in increasing order.

    LeCun, Bottou, Bengio & Haffner (1998), table I. The weights between a filter and a channel that it does not read
    are not learnt: they are 0 in the array and stay 0.
    """

    rows: tuple[tuple[int, ...], ...]

    @property
    def links(self) -> int:
        """The number of pairs of a filter and a channel that it reads, which is the number of kernels."""
        return sum(map(len, self.rows))

    def mask(self, channels: int) -> list[list[float]]:
        """Return a matrix, filters x channels, with 1 where the filter reads the channel, else 0."""
        return [[float(channel in row) for channel in range(channels)] for row in map(set, self.rows)]

    def counted_from_0(self) -> ConnectionTable:
        """Return the table with all channel numbers one lower, for a table that counts channels from 1."""
        return ConnectionTable(tuple(tuple(channel - 1 for channel in row) for row in self.rows))

    def __str__(self) -> str:
        """Return the table as it is written in a spec: ``0+1,1+2,0+2``."""
        return ",".join("+".join(map(str, row)) for row in self.rows)
