"""Gradient accumulation: processing a batch in parts, and updating parameters after some of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """The progress of a batch: ``done`` of its parts have been processed. ``sizes`` are the images in each part."""

    sizes: tuple[int, ...]
    done: int

    def mean(self, every: int | None) -> float | None:
        """Return the factor that turns the gradient of a parameter, which is updated after every ``every`` parts, into
        the mean over the images since its last update; ``None`` if it is not updated now.

        ``None`` for ``every`` means once per batch. The gradient of each part must be weighted by its share of the
        whole batch. After the last part all parameters are updated.
        """
        if self.done < len(self.sizes) and (every is None or self.done % every):
            return None
        first = 0 if every is None else (self.done - 1) // every * every
        return sum(self.sizes) / sum(self.sizes[first : self.done])


WHOLE = BatchProgress((1,), 1)
"""A whole batch processed in one part."""
