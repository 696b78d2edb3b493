"""A batch that goes through the network in parts, and after which of them a parameter is updated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gathered:
    """How much of a batch has gone through: ``done`` of its parts, which have ``sizes`` images each."""

    sizes: tuple[int, ...]
    done: int

    def mean(self, every: int | None) -> float | None:
        """What the gradient of a parameter that is updated after ``every`` parts is multiplied by now, to be the mean
        over the images since its last update; ``None`` where it is not its turn.

        ``every`` of ``None`` is once a batch. A part's gradient counts by its share of the whole batch. After the last
        part it is every parameter's turn.
        """
        if self.done < len(self.sizes) and (every is None or self.done % every):
            return None
        begun = 0 if every is None else (self.done - 1) // every * every
        return sum(self.sizes) / sum(self.sizes[begun : self.done])


WHOLE = Gathered((1,), 1)
"""The whole batch, in one part."""
