"""One device's part of a training step as a list of operations with what each holds in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from netspec.ir.graph import Graph, Layer
from netspec.ir.ops import BatchNorm, Conv, Crop, CrossEntropy, Dropout, Linear, Local, Nailbed, Neuron
from netspec.ir.shape import Shape
from netspec.passes.dependence import learning
from netspec.passes.phases import phases
from netspec.passes.placing import Held, Placed, Transfer, local_graph, share_of_shape
from netspec.passes.placing.placed import TRAINING_LOSS
from netspec.plan.footprint import footprint
from netspec.plan.footprint.model import FULL, Footprint, Site

HALF = 2
"""Bytes of a number in bfloat16."""


@dataclass(frozen=True, slots=True)
class Work:
    """An operation, or a value's arrival from other devices, on one device.

    ``learns``: the value depends on parameters, so that a backward pass goes through; ``taught`` are the inputs of
    which that is true as well. ``parameters`` are the bytes of those that it uses, by key; ``product`` says that it
    multiplies by them, under autocast in bfloat16.
    """

    layer: str
    value: str
    reads: tuple[str, ...]
    footprint: Footprint
    learns: bool
    taught: tuple[str, ...]
    parameters: tuple[tuple[str, int], ...] = ()
    product: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """What one device does in a training step, in order.

    ``images`` are the bytes of the images that it is given, ``image`` what they are called.
    """

    image: str
    images: int
    works: tuple[Work, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """What all devices know of the values, by name: the bytes of a number (``width``, of a layer's value by the layer's
    name), which of them depend on parameters, and whose pixels do not lie one after the other (``strided``)."""

    width: Mapping[str, int]
    learning: frozenset[str]
    strided: frozenset[str]


@dataclass(slots=True)
class _Builder:
    placed: Placed
    local: Mapping[str, Graph]
    device: int
    batch: int
    low: int
    values: Values
    here: set[str] = field(default_factory=set)
    works: list[Work] = field(default_factory=list)

    @property
    def graph(self) -> Graph:
        return self.placed.graph

    def images(self, held: Held) -> int:
        return images_on(self.placed, self.device, held, self.batch)

    def layer(self, layer: Layer) -> None:
        """Add a layer's arrivals and operations, if this device has a part in it."""
        if not self.placed.on(self.device, layer.name):
            return
        here = self.placed.layers[layer.name]
        local = self.local[layer.name]
        inside = local.layers[layer.name]
        called = {name: self._arrival(layer.name, here.transfers.get(name), name) for name in inside.inputs}
        for name in inside.nodes:
            node = local.nodes[name]
            reads = tuple(called.get(x, x) for x in node.inputs)
            site = Site(
                local.shapes(node),
                node.output,
                self.images(here.held),
                tuple(self.values.width[x] for x in node.inputs),
                self.low,
                isinstance(node.op, BatchNorm) and here.held.batch > 1,
                bool(node.inputs) and node.inputs[0] in self.values.strided,
            )
            used = tuple((key, math.prod(local.parameters[key].shape) * FULL) for key in node.params)
            taught = tuple(called.get(x, x) for x in node.inputs if x in self.values.learning)
            learns, product = name in self.values.learning, isinstance(node.op, Conv | Local | Linear)
            self._add(Work(layer.name, name, reads, footprint(node.op, site), learns, taught, used, product))

    def loss(self) -> None:
        """Add the cross-entropy of a file without a loss."""
        scores = self.graph.nodes[self.graph.scores.name].layer
        if not self.placed.on(self.device, scores):
            return
        name = self._arrival(TRAINING_LOSS, self.placed.scores, scores)
        held = self.placed.scores.wanted if self.placed.scores else self.placed.layers[scores].held
        shape = share_of_shape(self.graph.layers[scores].output, held.channels)
        site = Site((shape,), Shape(1), self.images(held), (self.values.width[scores],), self.low)
        held_by = footprint(CrossEntropy(), site)
        learns = scores in self.values.learning
        taught = (name,) if learns else ()
        self._add(Work(TRAINING_LOSS, f":{TRAINING_LOSS}", (name,), held_by, learns, taught))

    def _arrival(self, reader: str, transfer: Transfer | None, name: str) -> str:
        """What a reader calls a value: its own name, or that of what arrives, once for all who want it alike."""
        if transfer is None:
            return name
        called = f"{name} as {transfer.wanted}{' in parts' if transfer.partial else ''}"
        if called in self.here:
            return called
        wanted, held, width = transfer.wanted, transfer.held, self.values.width[name]
        whole = self.images(wanted) * self.graph.layers[name].output.units * width
        arrived = whole // wanted.channels
        stays = held.owner is None and held.batch == wanted.batch and held.channels == 1 and wanted.channels == 1
        # Gathered channels arrive device by device and are laid side by side.
        moved = Footprint(
            None if stays else arrived,
            width,
            forward=0 if stays or wanted.channels > 1 else arrived,
            backward=arrived,
        )
        own = (name,) if name in self.here else ()  # else it comes from another device
        learns = name in self.values.learning
        self._add(Work(reader, called, own, moved, learns, own if learns else ()))
        return called

    def _add(self, work: Work) -> None:
        self.here.add(work.value)
        self.works.append(work)


Computed = Mapping[int, Mapping[str, Graph]]
"""By place of the arrangement and layer: what the place computes of the layer."""


def locals_of(placed: Placed) -> Computed:
    """What each place computes."""
    return {
        place: {
            layer.name: local_graph(placed, layer, place)
            for layer in trained(placed.graph)
            if placed.layers[layer.name].held.owner in (None, place)
        }
        for place in range(placed.arrangement.groups)
    }


def program(placed: Placed, local: Mapping[str, Graph], device: int, batch: int, low: int, values: Values) -> Program:
    """One device's part of a step.

    Parameters
    ----------
    local:
        What the device's place computes of each layer (see ``locals_of``).
    batch:
        Images of all devices that go through the network at a time.
    low:
        Bytes of a number that a product makes: 4, or 2 under autocast to bfloat16.
    values:
        What ``values_of`` says.
    """
    graph = placed.graph
    image = graph.input.layer
    builder = _Builder(placed, local, device, batch, low, values, {image})
    for layer in trained(graph):
        builder.layer(layer)
    if not graph.losses:
        builder.loss()
    images = images_on(placed, device, placed.layers[image].held, batch)
    return Program(image, images * graph.input.output.units * FULL, tuple(builder.works))


def images_on(placed: Placed, device: int, held: Held, batch: int) -> int:
    """How many of a batch's images a device has of a value; where rows do not divide it, the first take one more."""
    if held.batch == 1:
        return batch
    each, more = divmod(batch, held.batch)
    return each + (placed.arrangement.row(device) < more)


def values_of(graph: Graph, low: int) -> Values:
    """What the values of a training step are like, whoever makes them. ``low`` as in ``program``."""
    image = graph.input.name
    width, cut, turned = {image: FULL}, set[str](), set[str]()
    for layer in trained(graph):
        for node in (graph.nodes[name] for name in layer.nodes):
            read = node.inputs[0]
            widths = tuple(width[x] for x in node.inputs)
            site = Site(graph.shapes(node), node.output, 1, widths, low, strided=read in cut | turned)
            held = footprint(node.op, site)
            width[node.name] = held.width
            seen_otherwise = held.output is None
            if isinstance(node.op, Nailbed | Crop) or (seen_otherwise and read in cut):
                cut.add(node.name)
            # A local layer's products come place by place; a function of units leaves them so.
            of_places = isinstance(node.op, Local) and node.op.groups == 1 and node.output[1:] != (1, 1)
            if of_places or (read in turned and (seen_otherwise or isinstance(node.op, Neuron | Dropout))):
                turned.add(node.name)
    return Values(width, learning(graph), frozenset(cut | turned))


def trained(graph: Graph) -> Iterator[Layer]:
    """The layers that a training step computes, in order."""
    parts = phases(graph)
    yield from parts.trunk
    yield from parts.losses
