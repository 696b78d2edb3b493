"""Sums over stored images, from which the mean image and the principal components of the colours are computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netspec.train.counter_rng import Indices
from netspec.train.data.splits import Frame, Pixels

Real = NDArray[np.float64]
Whole = NDArray[np.int64]

SAMPLE = 10_000
"""At most this many training images are measured, evenly spread over all of them."""


def sample_indices(count: int) -> Indices:
    """Return the indices of those of ``count`` training images that are measured."""
    return np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(np.int64))


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over images, as integers, so that neither the order nor the grouping of the images changes them.

    ``images`` is the number of images, ``total`` the sum of each pixel, (channels, height, width), and ``products`` the
    products of each pair of channels, summed over all pixels, (channels, channels).

    A product is 65,025 at most, so the sums over 2 million megapixels fit into 63 bits.
    """

    images: int
    total: Whole
    products: Whole

    @classmethod
    def zero(cls, frame: Frame) -> Moments:
        """Return the sums over no images, the start value of an addition."""
        shape = (frame.channels, frame.height, frame.width)
        return cls(0, np.zeros(shape, np.int64), np.zeros((frame.channels, frame.channels), np.int64))

    @classmethod
    def from_pixels(cls, pixels: Pixels) -> Moments:
        """Return the sums over images of shape (N, channels, height, width)."""
        channels = pixels.shape[1]
        products = np.zeros((channels, channels), np.int64)
        for image in pixels:
            colours = image.reshape(channels, -1).astype(np.uint16)  # fits the product of two bytes
            for number, row in enumerate(colours):
                products[number, : number + 1] += (colours[: number + 1] * row).sum(axis=1, dtype=np.int64)
        total = pixels.sum(axis=0, dtype=np.uint32)  # overflows only beyond 16 million images
        return cls(len(pixels), total.astype(np.int64), products + np.tril(products, -1).T)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.images + other.images, self.total + other.total, self.products + other.products)


def measure(batches: Iterable[Pixels], frame: Frame) -> Moments:
    """Return the sums over all images of some batches, each of shape (N, channels, height, width)."""
    return sum(map(Moments.from_pixels, batches), Moments.zero(frame))


@dataclass(frozen=True, slots=True)
class Statistics:
    """The mean image and the spread of the colours, in units of stored pixels, with channels in RGB order.

    ``mean`` has shape (channels, height, width), ``axes`` (channels, channels). Column i of ``axes`` is the i-th
    principal component of the colours times the standard deviation along it (the square root of the covariance's
    eigenvalue). ``images`` is the number of images that were measured.
    """

    mean: Real
    axes: Real
    images: int

    @property
    def channel_mean(self) -> Real:
        """The mean of each channel's pixels."""
        means: Real = self.mean.mean(axis=(1, 2))
        return means

    @property
    def channel_std(self) -> Real:
        """The standard deviation of each channel's pixels.

        This is the square root of the covariance's diagonal, which equals the sum of the squared scaled components.
        """
        deviations: Real = np.sqrt((self.axes**2).sum(axis=1))
        return deviations


@dataclass(frozen=True, slots=True)
class Colours:
    """The distribution of the colours: the mean and covariance of the pixels' channels, the covariance's eigenvalues in
    ascending order, and its eigenvectors as columns, each with its largest entry positive."""

    mean: Real
    covariance: Real
    values: Real
    vectors: Real


def colours(moments: Moments) -> Colours:
    """Return the distribution of the colours of at least one image."""
    pixels = moments.images * moments.total[0].size
    centre = moments.total.sum(axis=(1, 2)) / pixels
    covariance = moments.products / pixels - np.outer(centre, centre)
    values, vectors = np.linalg.eigh(covariance)
    # The sign of an eigenvector is arbitrary. Making the largest entry positive gives the same shifts on every machine.
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(vectors))]
    return Colours(centre, covariance, values.clip(min=0.0), vectors * np.where(largest < 0, -1.0, 1.0))


def statistics(moments: Moments) -> Statistics:
    """Return the mean image and the scaled components; all zeros if there are no images.

    The components are those of Krizhevsky et al. (2012), section 4.1. They are scaled by standard deviations, as in the
    2012 code, although the paper's text says eigenvalues.
    """
    if moments.images == 0:
        return Statistics(moments.total.astype(np.float64), moments.products.astype(np.float64), 0)
    distribution = colours(moments)
    axes = distribution.vectors * np.sqrt(distribution.values)
    return Statistics(moments.total / moments.images, axes, moments.images)
