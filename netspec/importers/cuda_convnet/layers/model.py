"""The layers of a layer file as the original program saw them: outputs are vectors, with a weight matrix per input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from netspec.importers.cuda_convnet.options import Options

Dialect = Literal["2012", "v2"]
UNKNOWN = -1
"""The length of labels, which layer files do not contain."""


def is_cost(type_: str) -> bool:
    """Whether a type of layers is a cost, by its name."""
    return type_.startswith("cost.")


@dataclass(frozen=True, slots=True)
class Image:
    """A vector interpreted as square maps: channel by channel, row by row."""

    channels: int
    side: int

    @property
    def units(self) -> int:
        return self.channels * self.side**2


@dataclass(frozen=True, slots=True)
class ConvInput:
    """How a convolution reads one of its inputs.

    ``padding`` is that above and to the left of the image, and ``depth`` the number of channels that a filter reads.
    """

    image: Image
    kernel: int
    stride: int
    padding: int
    groups: int
    depth: int


@dataclass(frozen=True, slots=True)
class Neuron:
    """An activation function, such as ``tanh[1.7159,0.667]``."""

    word: str
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Shared:
    """The owner of a shared weight matrix: a layer's name and the index of its input."""

    layer: str
    index: int


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer, read from one section.

    ``gpu`` is empty for data layers and in files without GPUs; several GPUs hold replicas. ``reads`` are its inputs as
    images (``None`` for a vector), and ``image`` is its output as an image. ``weights`` has the size (rows, columns) of
    each input's weight matrix as the original stored it, and ``shared`` its owner if that is another matrix. ``values``
    are the values of the type's own keys, including defaults.
    """

    name: str
    type: str
    inputs: tuple[str, ...]
    gpu: tuple[int, ...]
    outputs: int
    options: Options = field(compare=False, repr=False)
    image: Image | None = None
    reads: tuple[Image | None, ...] = ()
    weights: tuple[tuple[int, int], ...] = ()
    biases: int = 0
    shared: tuple[Shared | None, ...] = ()
    neuron: Neuron | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_cost(self) -> bool:
        return is_cost(self.type)

    @property
    def word(self) -> str:
        """The type in the file, which may be that of a fork."""
        return self.options.section.text("type").strip()


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole layer file. ``data`` is the index of the data matrix with the images."""

    dialect: Dialect
    layers: dict[str, Layer]
    data: int

    def is_labels(self, layer: Layer) -> bool:
        """Whether a layer is a data layer other than the images."""
        return layer.type == "data" and layer.values["dataIdx"] != self.data
