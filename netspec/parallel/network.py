"""One device's module for a placed graph: the layers that it computes, and the transfers between them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from netspec import backend
from netspec.ir.graph import Graph, Layer
from netspec.ir.ops import BatchNorm, Loss
from netspec.parallel import collectives
from netspec.parallel.batchnorm import SharedBatchNorm
from netspec.parallel.crossing import Tied, agreed_dtype, cross
from netspec.parallel.mesh import Mesh
from netspec.parallel.turns import Turns, collect_own_turn
from netspec.passes.dependence import with_gradient
from netspec.passes.fast import PLAIN, Forms, on_devices, on_one_device
from netspec.passes.label_grid import labels_of_losses
from netspec.passes.phases import phases
from netspec.passes.placing import Placed, Sharding, Transfer, local_graph
from netspec.passes.torch_names import attributes, layer_names, state_keys


class PlacedNetwork:
    """The part of a network that one device of a mesh computes.

    ``module`` holds the layers that this device computes, by their names, with its shares of their parameters. Their
    initial values are arbitrary; ``shares.load_shares`` sets them. ``forms`` are those of the whole network (see
    ``passes.fast``).
    """

    def __init__(self, placed: Placed, mesh: Mesh, forms: Forms = PLAIN) -> None:
        self.placed = placed
        self.mesh = mesh
        self.forms = on_devices(forms, placed)
        self.module = nn.Module()
        self.layer_names = layer_names(placed.graph)
        self._names = attributes(placed.graph)
        self._state_keys = state_keys(placed.graph)
        self._phases = phases(placed.graph)
        self._learning = with_gradient(placed.graph)
        self._dense = placed.graph.is_dense
        self._grids = labels_of_losses(placed.graph)
        losses = [node for node in placed.graph.losses if isinstance(node.op, Loss) and node.op.labelled]
        self._labelled = frozenset(node.layer for node in losses)
        self._draw: tuple[int, int, int] | None = None
        self._dtypes: dict[tuple[Transfer, bool, bool], torch.dtype] = {}
        by_feature = [x for x in placed.graph.layers.values() if placed.layers[x.name].sharding.batch == 1]
        self._turns_possible = placed.arrangement.split == "hybrid" and not any(
            isinstance(node.op, BatchNorm) for layer in by_feature for node in placed.graph.nodes_of(layer)
        )
        for layer in placed.graph.layers.values():
            if layer.name != placed.graph.input.layer and placed.on(mesh.rank, layer.name):
                self.module.add_module(self._names[layer.name], self._layer_module(layer))
        backend.load("pytorch").keep_class_weights(self.module, placed.graph.train)

    def training_loss(self, images: Tensor, labels: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return what this device contributes to the training loss of a batch with the labels ``batch``, in two forms,
        both scalars. See ``training_loss`` of the pytorch backend.

        Every device runs ``backward()`` from the first. The second, detached, is this device's contribution to the
        reported loss: over all devices they sum to the loss of the whole batch, also where several devices have
        computed the same loss.

        ``images`` and ``labels`` are this device's share of the batch (see ``Mesh.share_of_batch``).
        """
        values = {self.placed.graph.input.layer: images}
        self._run(self._phases.trunk, values, labels, len(images))
        losses = self._own_losses if self._phases.losses else self._cross_entropy
        terms = losses(values, labels, len(images))
        share: float | Tensor = 1
        if self._dense and self._phases.losses:  # each is the mean over pixels of its own
            terms = [(name, loss * self._share_of(name, labels, batch)) for name, loss in terms]
        else:
            share = backend.load("pytorch").share_of_labels(labels, batch, self.class_weights)
        (_, total), *others = terms
        for _, loss in others:
            total = total + loss
        reported = sum((loss.detach() for name, loss in terms if self._reports_loss(name)), torch.zeros_like(total))
        return total * share, reported * share

    def _share_of(self, layer: str, labels: Tensor, batch: Tensor) -> float | Tensor:
        """Return the share of a dense network's loss of some of a batch's masks in that of all."""
        share: float | Tensor = backend.load("pytorch").share_of_loss(
            labels, batch, self._grids.get(layer), self.class_weights, labelled=layer in self._labelled
        )
        return share

    def class_scores(self, images: Tensor) -> Tensor:
        """Return the class scores, (N, classes) or, of a dense network, (N, classes, rows, columns), of this device's
        share of the batch; empty on devices without them."""
        graph = self.placed.graph
        values = {graph.input.layer: images}
        self._run(self._phases.trunk, values, None, len(images))
        scores = graph.scores.layer
        source = self.placed.layers[scores].sharding
        if source.channels > 1:
            target = Sharding(batch=self.mesh.arrangement.replicas)
            value = self._transferred(values, Transfer(scores, "scores", source, target, partial=False), len(images))
        else:
            value = values[scores]
        wide: Tensor = backend.load("pytorch").widened(self._scores_of(value))
        return wide

    @property
    def class_weights(self) -> Tensor | None:
        """The weights of classes with which the current mode's loss is computed, on this device; ``None`` if there are
        none."""
        weights: Tensor | None = backend.load("pytorch").class_weights(self.module)
        return weights

    @property
    def counts_scores(self) -> bool:
        """Whether this device's scores are to be counted where each image's are counted once: the owner's are, or else
        those of the row's first device."""
        return self._reports_loss(self.placed.graph.scores.layer)

    def _scores_of(self, value: Tensor) -> Tensor:
        return value if self._dense or value.dim() == 1 else value.flatten(1)

    def set_random_state(self, seed: int, step: int, first_sample: int, start: int) -> None:
        """Seed the random choices of the next pass, so that they do not depend on which device computes what.

        ``first_sample`` is the index, in the step's batch, of the first image that is given to the mesh; ``start`` is
        the index, among those images, of the first one of this device's share.
        """
        self._draw = (seed, step, first_sample)
        for layer in self.placed.graph.layers.values():
            self._draw_for(layer, start if self.placed.layers[layer.name].sharding.batch > 1 else 0)

    def _draw_for(self, layer: Layer, start: int) -> None:
        module = getattr(self.module, self._names[layer.name], None)
        if module is not None and self._draw is not None:
            pytorch, (seed, step, first) = backend.load("pytorch"), self._draw
            pytorch.set_random_state(module, pytorch.RandomState(seed, step, first + start))

    def _reports_loss(self, layer: str) -> bool:
        """Whether this device reports a layer's loss: the layer's owner does, or else the row's first device."""
        owner = self.placed.layers[layer].sharding.owner
        return self.mesh.column == (owner or 0)

    def gather_scores(self, scores: Tensor, images: int) -> Tensor:
        """Collect the class scores (N, classes) of all devices' shares of the batch, on every device.

        ``scores`` is what ``class_scores`` returned on this device for ``images`` images.
        """
        graph, mesh = self.placed.graph, self.mesh
        owner = self.placed.layers[graph.scores.layer].sharding.owner
        if owner is not None:
            like = scores if scores.dim() > 1 else scores.new_empty((images, graph.scores.output.units))
            scores = collectives.broadcast(like, owner, mesh.row_group)
        return collectives.all_gather(scores, 0, mesh.column_group)

    def _own_losses(self, values: dict[str, Tensor], labels: Tensor, images: int) -> list[tuple[str, Tensor]]:
        weights = self.placed.graph.loss_weights
        self._run(self._phases.losses, values, labels, images)
        return [(layer.name, weights[layer.name] * _scalar(values[layer.name])) for layer in self._phases.losses]

    def _cross_entropy(self, values: dict[str, Tensor], labels: Tensor, images: int) -> list[tuple[str, Tensor]]:
        name = self.placed.graph.scores.layer
        transfer = self.placed.scores
        scores = self._transferred(values, transfer, images) if transfer is not None else values[name]
        if not self.placed.on(self.mesh.rank, name):
            return [(name, _scalar(scores))]
        smoothing = self.placed.graph.train.label_smoothing * self.module.training
        pytorch, weights = backend.load("pytorch"), self.class_weights
        return [(name, pytorch.cross_entropy(self._scores_of(scores), labels, smoothing, weights))]

    def _run(self, layers: Iterable[Layer], values: dict[str, Tensor], labels: Tensor | None, images: int) -> None:
        """Compute layers and add their values to ``values``: empty tensors for layers that other devices compute."""
        for in_turns, run in groupby(layers, self._computed_in_turns):
            if in_turns:
                self._run_in_turns(tuple(run), values, images)
                continue
            for layer in run:
                inputs = self._inputs(layer, values, images)
                values[layer.name] = self._value(layer, inputs, labels)

    def _inputs(self, layer: Layer, values: dict[str, Tensor], images: int) -> dict[str, Tensor]:
        """Return a layer's inputs by name, transferred as needed. Results of transfers are kept in ``values``."""
        inputs = {name: values[name] for name in layer.inputs if name in values}
        for name, transfer in self.placed.layers[layer.name].transfers.items():
            arrived = _transferred_key(transfer)
            if arrived not in values:
                values[arrived] = self._transferred(values, transfer, images)
            inputs[name] = values[arrived]
        return inputs

    def _run_in_turns(self, layers: tuple[Layer, ...], values: dict[str, Tensor], images: int) -> None:
        """Compute layers that are divided by feature, one device's images at a time (see ``turns``)."""
        transfers = [t for layer in layers for t in self.placed.layers[layer.name].transfers.values()]
        gathered = [t.value for t in transfers if t.source.batch > 1]
        turns_by_value = {value: Turns(values[value], self.mesh.column_group) for value in gathered}
        for turn in range(self.mesh.arrangement.devices):
            arrived = {name: turns.take(turn) for name, turns in turns_by_value.items()}
            # The values that earlier runs of such layers computed in this turn, under the layers' own names.
            prefix = _turn_key("", turn)
            turn_values = {name.removeprefix(prefix): x for name, x in values.items() if name.startswith(prefix)}
            for layer in layers:
                for transfer in self.placed.layers[layer.name].transfers.values():
                    if transfer.value in arrived:
                        turn_values[_transferred_key(transfer)] = self._part(arrived[transfer.value], transfer)
                self._draw_for(layer, turn * images)
                turn_values[layer.name] = self._value(layer, self._inputs(layer, turn_values, images), None)
                values[_turn_key(layer.name, turn)] = turn_values[layer.name]

    def _part(self, x: Tensor, transfer: Transfer) -> Tensor:
        """Return what a layer divided by feature reads of a whole value: all channels, or this device's share."""
        if transfer.target.channels == 1:
            return x
        return x.chunk(transfer.target.channels, 1)[self.mesh.rank]

    def _computed_in_turns(self, layer: Layer) -> bool:
        """Whether a layer is computed one device's images at a time: it is divided by feature, and no batch
        normalisation among such layers needs the whole batch at once."""
        return self._turns_possible and self.placed.layers[layer.name].sharding.batch == 1

    def _value(self, layer: Layer, inputs: dict[str, Tensor], labels: Tensor | None) -> Tensor:
        if not self.placed.on(self.mesh.rank, layer.name):
            return self._placeholder(layer, inputs)
        module: Any = getattr(self.module, self._names[layer.name])
        pytorch = backend.load("pytorch")
        if labels is not None:
            labels = pytorch.on_grid(labels, self._grids.get(layer.name))
        available = {**inputs, pytorch.LABELS: labels}
        arguments = [
            available[name] if name in available else self.module.get_parameter(self._state_keys[name])
            for name in module.reads
        ]
        value: Tensor = module(*arguments)
        absent = [x for name, x in inputs.items() if name not in module.reads]
        return Tied.apply(value, *absent) if absent else value  # type: ignore[no-untyped-call]

    def _placeholder(self, layer: Layer, inputs: dict[str, Tensor]) -> Tensor:
        """Return the empty tensor in place of a value that another device computes.

        It is connected to the inputs and requires a gradient if the value does, so that backward passes through it.
        """
        empty = torch.empty(0, device=self.mesh.device, requires_grad=layer.name in self._learning)
        return torch.cat([*(value.flatten()[:0] for value in inputs.values()), empty])

    def _transferred(self, values: dict[str, Tensor], transfer: Transfer, images: int) -> Tensor:
        if transfer.value not in values:
            turns = range(self.mesh.arrangement.devices)
            return collect_own_turn([values[_turn_key(transfer.value, turn)] for turn in turns], self.mesh.column_group)
        output = self.placed.graph.layers[transfer.value].output
        value = values[transfer.value]
        key = transfer, self.module.training, torch.is_autocast_enabled(value.device.type)
        if key not in self._dtypes:
            self._dtypes[key] = agreed_dtype(value, transfer, self.mesh)
        return cross(value, transfer, output, images, self.mesh, self._dtypes[key])

    def _layer_module(self, layer: Layer) -> nn.Module:
        """Build the layer's module for this device.

        Batch normalisations are replaced by shared ones if the batch is divided; random choices use a unit's index in
        the whole layer, not in this device's share.
        """
        pytorch = backend.load("pytorch")
        graph: Graph = local_graph(self.placed, layer, self.mesh.column)
        forms = on_one_device(self.forms, graph)
        module: nn.Module = pytorch.Layer(graph, graph.layers[layer.name], seed=0, forms=forms)
        sharding = self.placed.layers[layer.name].sharding
        for name, child in list(module.named_children()):
            if isinstance(child, pytorch.BatchNormalise) and sharding.batch > 1:
                shared = SharedBatchNorm(child.op, self.mesh.column_group)
                setattr(module, name, shared)
            if isinstance(child, pytorch.RandomLayer) and sharding.channels > 1:
                column = self.mesh.rank if self.mesh.arrangement.split == "hybrid" else self.mesh.column
                child.take_share(column, graph.layers[layer.name].output.units)
        return module


def _transferred_key(transfer: Transfer) -> str:
    """The key of a transferred value among the values. No layer can have this name."""
    return f"{transfer.value} in {transfer.target}, {'partial' if transfer.partial else 'alike'}"


def _turn_key(name: str, turn: int) -> str:
    """The key of a layer's value for the images of one turn."""
    return f"{turn}: {name}"


def _scalar(value: Tensor) -> Tensor:
    """Return a loss unchanged, or 0 for the empty tensor of a loss that another device computes."""
    return value.sum() if value.dim() else value
