"""A layer file's layers as the original saw them: sizes as whole vectors, one weight matrix an input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from netspec.importers.cuda_convnet.options import Options

Dialect = Literal["2012", "v2"]
UNKNOWN = -1
"""The length of labels, which no layer file holds."""


@dataclass(frozen=True, slots=True)
class Image:
    """A vector read as square maps: channel by channel, row by row."""

    channels: int
    side: int

    @property
    def units(self) -> int:
        return self.channels * self.side**2


@dataclass(frozen=True, slots=True)
class Neuron:
    """``tanh[1.7159,0.667]``: a word and its numbers."""

    word: str
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Shared:
    """Where a weight matrix comes from, if it is not the layer's own: a layer's name and the number of its input."""

    layer: str
    index: int


@dataclass(frozen=True, slots=True)
class Layer:
    """One section. ``gpu`` is empty for data layers and in files without GPUs; several numbers are replicas.

    ``reads`` are the images that it takes its inputs for (``None`` for a vector), ``image`` what it makes of them;
    ``weights`` each input's matrix, rows x columns, as the original stored it; ``shared`` whose each is.
    ``values`` are the keys of its own, with every default filled in.
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
        return self.type.startswith("cost.")


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole layer file. ``data`` is the number of the data matrix that is the images'."""

    dialect: Dialect
    layers: dict[str, Layer]
    data: int

    def is_labels(self, layer: Layer) -> bool:
        """Whether a layer is data, and not the images."""
        return layer.type == "data" and layer.values["dataIdx"] != self.data
