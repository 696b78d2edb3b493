"""Sums over stored pictures, from which their mean image and the principal components of their colours follow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netspec.train.chance import Places
from netspec.train.data.picture import Frame, Pixels

Real = NDArray[np.float64]
Whole = NDArray[np.int64]

SAMPLE = 10_000
"""Where there are more training images than this, so many of them, evenly spread, stand for all."""


def sampled(count: int) -> Places:
    """Which of ``count`` training images are measured: their places."""
    return np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(np.int64))


@dataclass(frozen=True, slots=True)
class Moments:
    """Whole numbers, so that neither order nor grouping of the pictures changes them: how many pictures, the sum of
    each pixel (channels, height, width), and the products of two channels, summed over all pixels.

    They fit into 63 bits for 2 million megapixels: 65,025 times each pixel at most.
    """

    images: int
    total: Whole
    products: Whole

    @classmethod
    def none(cls, frame: Frame) -> Moments:
        """The sums over no pictures, from which adding begins."""
        shape = (frame.channels, frame.height, frame.width)
        return cls(0, np.zeros(shape, np.int64), np.zeros((frame.channels, frame.channels), np.int64))

    @classmethod
    def of(cls, pictures: Pixels) -> Moments:
        """The sums over pictures of shape (N, channels, height, width)."""
        channels = pictures.shape[1]
        products = np.zeros((channels, channels), np.int64)
        for picture in pictures:
            colours = picture.reshape(channels, -1).astype(np.uint16)  # which the product of two bytes fits into
            for number, row in enumerate(colours):
                products[number, : number + 1] += (colours[: number + 1] * row).sum(axis=1, dtype=np.int64)
        total = pictures.sum(axis=0, dtype=np.uint32)  # of 16 million pictures, before it overflows
        return cls(len(pictures), total.astype(np.int64), products + np.tril(products, -1).T)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.images + other.images, self.total + other.total, self.products + other.products)


def measure(batches: Iterable[Pixels], frame: Frame) -> Moments:
    """The sums over all pictures of some batches, (N, channels, height, width) each."""
    return sum(map(Moments.of, batches), Moments.none(frame))


@dataclass(frozen=True, slots=True)
class Statistics:
    """The mean image and the spread of the colours, in units of stored pixels, colours in the order red, green, blue.

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

    @property
    def channel_std(self) -> Real:
        """The standard deviation of each channel's pixels: the root of the covariance's diagonal, which the scaled
        components' squares add up to."""
        deviations: Real = np.sqrt((self.axes**2).sum(axis=1))
        return deviations


@dataclass(frozen=True, slots=True)
class Colours:
    """The covariance of the pixels' channels; its eigenvalues, the smallest first; its eigenvectors, the columns, each
    with its largest entry positive."""

    mean: Real
    covariance: Real
    values: Real
    vectors: Real


def colours(moments: Moments) -> Colours:
    """How the colours of at least one picture are distributed."""
    pixels = moments.images * moments.total[0].size
    centre = moments.total.sum(axis=(1, 2)) / pixels
    covariance = moments.products / pixels - np.outer(centre, centre)
    values, vectors = np.linalg.eigh(covariance)
    # A component's sign is arbitrary: the largest entry is made positive, so that every machine shifts alike.
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(vectors))]
    return Colours(centre, covariance, values.clip(min=0.0), vectors * np.where(largest < 0, -1.0, 1.0))


def statistics(moments: Moments) -> Statistics:
    """The mean image and the scaled components; zeros of no pictures.

    Krizhevsky et al. (2012), section 4.1, for the components; the 2012 code scales by standard deviations where the
    paper's text says eigenvalues.
    """
    if moments.images == 0:
        return Statistics(moments.total.astype(np.float64), moments.products.astype(np.float64), 0)
    found = colours(moments)
    return Statistics(moments.total / moments.images, found.vectors * np.sqrt(found.values), moments.images)
