"""The layers of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from netspec.importers.caffe.net.types import TYPES
from netspec.importers.caffe.schema.record import Record
from netspec.source import Span

SOURCES = ("Data", "DummyData", "HDF5Data", "ImageData", "Input", "MemoryData", "WindowData")
"""The types of layers that have no bottoms: their tops are images and labels."""

LOSSES = (
    "ContrastiveLoss", "EuclideanLoss", "HingeLoss", "InfogainLoss", "MultinomialLogisticLoss",
    "SigmoidCrossEntropyLoss", "SoftmaxWithLoss",
)  # fmt: skip
"""The types of losses. Their second bottom is the labels."""

WITH_FILLERS = ("convolution_param", "inner_product_param")
"""The messages with ``weight_filler``."""

SINKS = ("Accuracy", "HDF5Output", "Silence")
"""The types of layers that only report or write what they read."""


def reads_data(layer: Record) -> bool:
    """Whether a layer reads images and labels: one of the types for it, or one without bottoms in Python or of another
    version of Caffe."""
    type_ = layer.text("type")
    return type_ in SOURCES or (not layer.has("bottom") and (type_ == "Python" or type_ not in TYPES))


class Top(NamedTuple):
    """A value: the top number ``place`` of the layer number ``layer``."""

    layer: int
    place: int


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A layer. ``record`` is its message, LayerParameter; ``bottoms`` are the values that it reads.

    ``tops`` are the names of the values that it computes.
    """

    name: str
    type: str
    bottoms: tuple[Top, ...]
    tops: tuple[str, ...]
    record: Record

    @property
    def span(self) -> Span:
        """The place of the layer: its name, else its type."""
        return self.record.place("name", "type")

    @property
    def is_source(self) -> bool:
        """Whether the layer reads images and labels."""
        return reads_data(self.record)


@dataclass(frozen=True)
class Network:
    """The layers of a network in the order of the file, and its name, which may be empty.

    ``phase`` is that of its layers. ``record`` is its message. ``absent`` has the layers that the network does not have
    in this phase, by what they share with one that stands in their place (``signature``).
    """

    name: str
    layers: tuple[Layer, ...]
    phase: str
    record: Record
    absent: Mapping[str, Record]

    @cached_property
    def is_trained(self) -> bool:
        """Whether the file is one to train with: it has losses, or says how weights are drawn.

        Files for tests alone may have the filler of interpolations, which does not draw them.
        """
        parameters = [layer.record.message(name) for layer in self.layers for name in WITH_FILLERS]
        fillers = [p.message("weight_filler").text("type") for p in parameters if p.has("weight_filler")]
        return self.has_losses or any(filler != "bilinear" for filler in fillers)

    @cached_property
    def has_losses(self) -> bool:
        """Whether the network has losses, so that it computes gradients."""
        return any(layer.type in LOSSES for layer in self.layers)
