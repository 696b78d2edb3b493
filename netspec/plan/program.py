"""One device's part of a training step: a list of operations with their memory footprints."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from netspec.ir import ops
from netspec.ir.graph import Graph, Layer
from netspec.ir.shape import Shape
from netspec.ir.widths import FULL
from netspec.passes.dependence import with_gradient
from netspec.passes.phases import phases
from netspec.passes.placing import Placed, Sharding, Transfer, local_graph
from netspec.passes.placing.placed import TRAINING_LOSS
from netspec.plan.footprint import footprint
from netspec.plan.footprint.model import Footprint, Site


@dataclass(frozen=True, slots=True)
class Instruction:
    """An operation on one device, or the arrival of a value from other devices.

    ``requires_grad`` says that the value depends on parameters, so that the backward pass reaches it; ``grad_inputs``
    are the inputs that do. ``parameters`` are (key, bytes) of the parameters that it uses. ``product`` says that it is
    a matrix product or convolution, which autocast computes in bfloat16.
    """

    layer: str
    value: str
    reads: tuple[str, ...]
    footprint: Footprint
    requires_grad: bool
    grad_inputs: tuple[str, ...]
    parameters: tuple[tuple[str, int], ...] = ()
    product: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """The operations of one device in a training step, in order.

    ``image`` is the name of the input value, and ``images`` the bytes of the device's images.
    """

    image: str
    images: int
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """Properties of values, by name, that are the same on all devices.

    ``width`` is the bytes per number (a layer's value is under the layer's name), ``learning`` the values that depend
    on parameters, ``strided`` those that are not contiguous in memory.
    """

    width: Mapping[str, int]
    learning: frozenset[str]
    strided: frozenset[str]


@dataclass(slots=True)
class _Builder:
    placed: Placed
    local: Mapping[str, Graph]
    device: int
    batch: int
    product_width: int
    values: Values
    present: set[str] = field(default_factory=set)
    instructions: list[Instruction] = field(default_factory=list)

    @property
    def graph(self) -> Graph:
        return self.placed.graph

    def images(self, sharding: Sharding) -> int:
        return images_on(self.placed, self.device, sharding, self.batch)

    def layer(self, layer: Layer) -> None:
        """Add the arrivals and operations of a layer, if this device computes part of it."""
        if not self.placed.on(self.device, layer.name):
            return
        placed_layer = self.placed.layers[layer.name]
        graph = self.local[layer.name]
        local_layer = graph.layers[layer.name]
        arrivals = {
            name: self._arrival(layer.name, placed_layer.transfers.get(name), name) for name in local_layer.inputs
        }
        for name in local_layer.nodes:
            node = graph.nodes[name]
            site = Site(
                graph.shapes(node),
                node.output,
                self.images(placed_layer.sharding),
                widths=tuple(self.values.width[x] for x in node.inputs),
                learning=tuple(x in self.values.learning for x in node.inputs),
                product_width=self.product_width,
                shared=isinstance(node.op, ops.BatchNorm) and placed_layer.sharding.batch > 1,
                strided=bool(node.inputs) and node.inputs[0] in self.values.strided,
            )
            instr = Instruction(
                layer.name,
                name,
                reads=tuple(arrivals.get(x, x) for x in node.inputs),
                footprint=footprint(node.op, site),
                requires_grad=name in self.values.learning,
                grad_inputs=tuple(arrivals.get(x, x) for x in node.inputs if x in self.values.learning),
                parameters=tuple((key, math.prod(graph.parameters[key].shape) * FULL) for key in node.params),
                product=isinstance(node.op, ops.Connected),
            )
            self._add(instr)

    def loss(self) -> None:
        """Add the implicit cross-entropy of a spec without a loss."""
        scores = self.graph.scores.layer
        if not self.placed.on(self.device, scores):
            return
        name = self._arrival(TRAINING_LOSS, self.placed.scores, scores)
        sharding = self.placed.scores.target if self.placed.scores else self.placed.layers[scores].sharding
        shape = self.graph.layers[scores].output.share(sharding.channels)
        width, requires_grad = self.values.width[scores], scores in self.values.learning
        site = Site((shape,), Shape(1), self.images(sharding), (width,), (requires_grad,), self.product_width)
        loss_footprint = footprint(ops.CrossEntropy(), site)
        grad_inputs = (name,) if requires_grad else ()
        self._add(Instruction(TRAINING_LOSS, f":{TRAINING_LOSS}", (name,), loss_footprint, requires_grad, grad_inputs))

    def _arrival(self, reader: str, transfer: Transfer | None, name: str) -> str:
        """Return the name under which a layer reads a value, adding the value's arrival if it is transferred.

        Readers that need the value in the same form share one arrival.
        """
        if transfer is None:
            return name
        arrival = f"{name} as {transfer.target}{' in parts' if transfer.partial else ''}"
        if arrival in self.present:
            return arrival
        target, source, width = transfer.target, transfer.source, self.values.width[name]
        whole_size = self.images(target) * self.graph.layers[name].output.units * width
        size = whole_size // target.channels
        is_view = source.owner is None and source.batch == target.batch and source.channels == target.channels == 1
        # Gathered channels arrive device by device and are then concatenated, which takes a second copy.
        transfer_footprint = Footprint(
            None if is_view else size,
            width,
            forward=0 if is_view or target.channels > 1 else size,
            backward=size,
        )
        local_inputs = (name,) if name in self.present else ()  # empty if the value comes from another device
        requires_grad = name in self.values.learning
        self._add(
            Instruction(
                reader, arrival, local_inputs, transfer_footprint, requires_grad, local_inputs if requires_grad else ()
            )
        )
        return arrival

    def _add(self, instr: Instruction) -> None:
        self.present.add(instr.value)
        self.instructions.append(instr)


LocalGraphs = Mapping[int, Mapping[str, Graph]]
"""The part of each layer that each column computes: column of the arrangement -> layer -> graph."""


def local_graphs(placed: Placed) -> LocalGraphs:
    """Return the parts of the layers that each column of the arrangement computes in training."""
    return {
        column: {
            layer.name: local_graph(placed, layer, column)
            for layer in trained(placed.graph)
            if placed.layers[layer.name].sharding.owner in (None, column)
        }
        for column in range(placed.arrangement.groups)
    }


def program(
    placed: Placed, local: Mapping[str, Graph], device: int, batch: int, product_width: int, values: Values
) -> Program:
    """Return one device's part of a step.

    Parameters
    ----------
    local:
        The part of each layer that the device's column computes (see ``local_graphs``).
    batch:
        The number of images, over all devices, that pass through the network at a time.
    product_width:
        Bytes per number of a product's result: 4, or 2 under autocast to bfloat16.
    values:
        The result of ``values_of``.
    """
    graph = placed.graph
    image = graph.input.layer
    builder = _Builder(placed, local, device, batch, product_width, values, {image})
    for layer in trained(graph):
        builder.layer(layer)
    if not graph.losses:
        builder.loss()
    images = images_on(placed, device, placed.layers[image].sharding, batch)
    return Program(image, images * graph.input.output.units * FULL, tuple(builder.instructions))


def images_on(placed: Placed, device: int, sharding: Sharding, batch: int) -> int:
    """How many images of a batch a device holds of a value: all of them, or its row's share."""
    return batch if sharding.batch == 1 else len(placed.arrangement.share_of_batch(device, batch))


def values_of(graph: Graph, product_width: int) -> Values:
    """Return the properties of a training step's values that do not depend on the device.

    ``product_width`` is as in ``program``.
    """
    image = graph.input.name
    width, sliced, transposed, learning = {image: FULL}, set[str](), set[str](), with_gradient(graph)
    for layer in trained(graph):
        for node in graph.nodes_of(layer):
            read = node.inputs[0]
            widths = tuple(width[x] for x in node.inputs)
            learns = tuple(x in learning for x in node.inputs)
            strided = read in sliced | transposed
            site = Site(graph.shapes(node), node.output, 1, widths, learns, product_width, strided=strided)
            result = footprint(node.op, site)
            width[node.name] = result.width
            is_view = result.output is None
            if isinstance(node.op, ops.Nailbed | ops.Crop) or (is_view and read in sliced):
                sliced.add(node.name)
            # A local layer computes its products pixel by pixel; some operations keep that memory layout.
            pixel_major = isinstance(node.op, ops.Local) and node.op.groups == 1 and node.output[1:] != (1, 1)
            if pixel_major or (
                read in transposed and (is_view or isinstance(node.op, ops.Neuron | ops.Dropout | ops.LayerNorm))
            ):
                transposed.add(node.name)
    return Values(width, learning, frozenset(sliced | transposed))


def trained(graph: Graph) -> Iterator[Layer]:
    """The layers that a training step computes, in order."""
    parts = phases(graph)
    yield from parts.trunk
    yield from parts.losses
