"""Connection tables: convolutions of which each filter reads channels of its own choice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionTable:
    """Which channels each filter reads, by their numbers from 0: a row a filter, each in rising order.

    LeCun, Bottou, Bengio & Haffner (1998), table I. The weights between a filter and a channel that it does not read
    are absent: arrays have a 0 in their places, which no training moves.
    """

    rows: tuple[tuple[int, ...], ...]

    @property
    def links(self) -> int:
        """Pairs of a filter and a channel that it reads: kernels that there are."""
        return sum(map(len, self.rows))

    def mask(self, channels: int) -> list[list[float]]:
        """Filters x channels: 1 where the filter reads the channel, else 0."""
        return [[float(channel in row) for channel in range(channels)] for row in map(set, self.rows)]

    def counted_from_0(self) -> ConnectionTable:
        """The table, if it has counted channels from 1."""
        return ConnectionTable(tuple(tuple(channel - 1 for channel in row) for row in self.rows))

    def __str__(self) -> str:
        """As a spec has it: ``0+1,1+2,0+2``."""
        return ",".join("+".join(map(str, row)) for row in self.rows)
