"""Which training images stand for all where their mean and their colours are measured, and the sums over these."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netspec.train.chance import Places
from netspec.train.data.batches.loader import Batch
from netspec.train.data.moments import Moments
from netspec.train.data.picture import Frame

SAMPLE = 10_000
"""Where there are more training images than this, so many of them, evenly spread, stand for all."""


def sampled(count: int) -> Places:
    """The places of the images to measure."""
    return np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(np.int64))


def measure(batches: Iterator[Batch], frame: Frame) -> Moments:
    """One pass over stored images. The sums are of whole numbers, so that they can be added in any order."""
    moments = Moments.none(frame)
    for batch in batches:
        moments += Moments.of(batch.pictures)
    return moments
