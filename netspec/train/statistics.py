"""The training images' mean and the principal components of their colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netspec.train.chance import Places
from netspec.train.data.loader import Batch
from netspec.train.data.picture import Frame

SAMPLE = 10_000
"""Where there are more training images than this, so many of them, evenly spread, stand for all."""

Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Statistics:
    """In units of stored pixels, colours in the order red, green, blue.

    ``mean`` has shape (channels, height, width), ``axes`` (channels, channels): its column i is the i-th principal
    component of the colours times the standard deviation along it (the root of the covariance's eigenvalue).
    ``images`` is how many were read for them.
    """

    mean: Real
    axes: Real
    images: int

    @property
    def channel_mean(self) -> Real:
        """One number for each channel."""
        means: Real = self.mean.mean(axis=(1, 2))
        return means


def sampled(count: int) -> Places:
    """The places of the images to measure."""
    return np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(np.int64))


def measure(batches: Iterator[Batch], frame: Frame) -> Statistics:
    """One pass over stored images. Sums of whole numbers are exact in float64, so their order does not matter.

    Krizhevsky et al. (2012), section 4.1, for the components; the 2012 code scales by standard deviations where the
    paper's text says eigenvalues.
    """
    total = np.zeros((frame.channels, frame.height, frame.width))
    products = np.zeros((frame.channels, frame.channels))
    images = 0
    for batch in batches:
        total += batch.pictures.sum(axis=0, dtype=np.int64)
        for picture in batch.pictures:
            colours = picture.reshape(frame.channels, -1).astype(np.float64)
            products += colours @ colours.T
        images += len(batch.pictures)
    if images == 0:
        return Statistics(total, products, 0)
    pixels = images * frame.height * frame.width
    centre = total.sum(axis=(1, 2)) / pixels
    return Statistics(total / images, _axes(products / pixels - np.outer(centre, centre)), images)


def _axes(covariance: Real) -> Real:
    values, vectors = np.linalg.eigh(covariance)
    # A component's sign is arbitrary: the largest entry is made positive, so that every machine shifts alike.
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(vectors))]
    axes: Real = vectors * np.where(largest < 0, -1.0, 1.0) * np.sqrt(values.clip(min=0.0))
    return axes
