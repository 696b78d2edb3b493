"""The arguments and results of the forward and backward functions of an operation, and how they read channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


class Statistics(NamedTuple):
    """Mean and variance of a batch normalisation, (C,) each."""

    mean: Array
    variance: Array


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of one operation. Its backward function gets the same object.

    Parameters
    ----------
    name:
        The name of the node, for messages.
    inputs:
        The values that it reads, each (N, ...); for ``Input``, the network's images.
    params:
        Its parameters, in the order of ``Op.params``.
    training:
        Whether dropout is active and batch normalisation uses the statistics of the batch.
    labels:
        The class numbers of the images, (N,), or targets, (N, classes); required by losses.
    drawn:
        The random numbers drawn for it. ``Dropout`` requires in training, for each choice (``Dropout.choices``), 0 for
        what is dropped or 1; ``NoisyRelu``, also in evaluation, standard normal numbers, shaped like the input;
        ``RandomScale`` in training four numbers in [0, 1), common to all images.
    class_weights:
        The weights of the classes in ``CrossEntropy``, (classes,); ``None``: all are 1.
    statistics:
        The running statistics of ``BatchNorm``.
    """

    name: str
    inputs: tuple[Array, ...]
    params: tuple[Array, ...] = ()
    training: bool = False
    labels: Labels | Array | None = None
    drawn: Array | None = None
    statistics: Statistics | None = None
    class_weights: Array | None = None

    @property
    def x(self) -> Array:
        """The input of an operation that has only one."""
        (x,) = self.inputs
        return x


class Gradient(NamedTuple):
    """The gradients of the loss with respect to an operation's inputs and parameters, shaped and ordered like them."""

    inputs: tuple[Array, ...]
    params: tuple[Array, ...] = ()


def by_groups(x: Array, groups: int) -> Array:
    """N,C,... to N,G,C/G,..."""
    return x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:])


def per_channel(values: Array, x: Array) -> Array:
    """Reshape (C,) or (1,) to broadcast along the channels of x: N,C,H,W or N,C."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))
