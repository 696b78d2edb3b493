"""The training images' mean and the principal components of their colours, measured before training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netspec.train.chance import Places
from netspec.train.data.loader import Batch
from netspec.train.data.moments import Moments, Statistics, statistics
from netspec.train.data.picture import Frame
from netspec.train.processes.crew import ALONE, Crew

SAMPLE = 10_000
"""Where there are more training images than this, so many of them, evenly spread, stand for all."""


def sampled(count: int) -> Places:
    """The places of the images to measure."""
    return np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(np.int64))


def measure(batches: Iterator[Batch], frame: Frame, crew: Crew = ALONE) -> Statistics:
    """One pass over stored images, of which each of a crew has some. The sums are of whole numbers, so their order does
    not matter."""
    moments = Moments.none(frame)
    for batch in batches:
        moments += Moments.of(batch.pictures)
    return statistics(sum(crew.gathered(moments), Moments.none(frame)))
