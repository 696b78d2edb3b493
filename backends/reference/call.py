"""What passes between the walk over a graph and the two functions of an operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


class Statistics(NamedTuple):
    """A batch normalisation's running mean and variance, each of shape (C,)."""

    mean: Array
    variance: Array


@dataclass(frozen=True, slots=True)
class Call:
    """What one operation is given. Its backward function is given the same again, beside the value that came out.

    Parameters
    ----------
    name:
        The node's name, for messages.
    inputs:
        The values that it reads, each (N, ...); for ``Input``, the network's images.
    params:
        Its parameters, in the order of ``Op.params``.
    training:
        Whether dropout drops and batch normalisation looks at the batch.
    labels:
        The images' class numbers, (N,); losses need them.
    mask:
        0 for the units that are dropped, 1 for the others, shaped like the input; dropout needs it in training.
    noise:
        Standard normal numbers, shaped like the input; what draws outside training too always needs them.
    chances:
        Four numbers from 0 up to 1; what draws once for all images needs them in training.
    statistics:
        What batch normalisation uses outside training.
    """

    name: str
    inputs: tuple[Array, ...]
    params: tuple[Array, ...] = ()
    training: bool = False
    labels: Labels | None = None
    mask: Array | None = None
    noise: Array | None = None
    chances: Array | None = None
    statistics: Statistics | None = None

    @property
    def x(self) -> Array:
        """The value that an operation with one input reads."""
        (x,) = self.inputs
        return x


class Gradient(NamedTuple):
    """The loss's derivatives by an operation's inputs and by its parameters, shaped and ordered like them."""

    inputs: tuple[Array, ...]
    params: tuple[Array, ...] = ()
