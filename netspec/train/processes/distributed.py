"""The training objective when several devices compute it together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from netspec import backend
from netspec.ir.graph import Graph
from netspec.parallel import shares
from netspec.parallel.collectives import all_reduce
from netspec.parallel.gradients import Gradients
from netspec.parallel.mesh import join_mesh
from netspec.parallel.network import PlacedNetwork
from netspec.passes.accumulation import BatchProgress
from netspec.passes.placing import Arrangement, ArrangementError, SplitWord, arrange, place_on_devices, share_batch
from netspec.train.counter_rng import Indices
from netspec.train.errors import RequestError
from netspec.train.learning.norms import Devices
from netspec.train.learning.objective import Objective, no_update
from netspec.train.processes.world import PATIENCE


@dataclass(frozen=True, slots=True)
class DistributedObjective(Objective):
    """An objective of which this process computes a part; ``module`` holds its shares of the parameters.

    Each process passes in its part of a batch's images, and all labels; each gets the loss and the scores of the whole
    batch. ``empty`` is the whole network's ``state_dict`` on the meta device.
    """

    network: PlacedNetwork
    sums: Gradients
    empty: Mapping[str, Tensor]

    def training_rows(self, count: int) -> Indices:
        """See ``Objective``: this process's row's share of each part of the batch (``accumulate``)."""
        pieces = np.array_split(np.arange(count), max(1, min(self.graph.train.accumulate, count)))
        return np.concatenate([piece[self.network.mesh.share_of_batch(len(piece))] for piece in pieces])

    def evaluation_rows(self, count: int) -> Indices:
        """See ``Objective``: the row's share, or all images if they cannot be divided equally among the rows."""
        everything = np.arange(count)
        rows = self.network.mesh.arrangement.replicas
        return everything if count % rows else everything[self.network.mesh.share_of_batch(count)]

    def gradients(
        self, images: Tensor, labels: Tensor, seed: int, step: int, update: Callable[[BatchProgress], None] = no_update
    ) -> Tensor:
        """See ``Objective``: each process's parameters get the gradients of the whole batch's loss."""
        total, first = torch.zeros((), device=images.device), 0
        parts = labels.tensor_split(min(self.graph.train.accumulate, len(labels)))
        sizes = tuple(map(len, parts))
        shares_of_parts = [self.network.mesh.share_of_batch(size) for size in sizes]
        own_images = torch.split(images, [share.stop - share.start for share in shares_of_parts])
        for done, (x, classes, share) in enumerate(zip(own_images, parts, shares_of_parts, strict=True), 1):
            self.sums.gathered = BatchProgress(sizes, done)
            self.network.set_random_state(seed, step, first, share.start)
            with self._precision(images):
                loss, reported = self.network.training_loss(self._in_memory_format(x), classes[share], labels)
            if loss.requires_grad:
                loss.backward()  # type: ignore[no-untyped-call]
            total, first = total + reported, first + len(classes)
            self.sums.wait()
            update(self.sums.gathered)
        return all_reduce(total)

    def set_evaluation_random_state(self, seed: int, first_sample: int, count: int, view: int = 0) -> None:
        state = backend.load("pytorch").evaluation_random_state(seed, first_sample, view)
        start = self.evaluation_rows(count)[0]
        self.network.set_random_state(state.seed, state.step, state.first_sample, int(start))

    def scores(self, images: Tensor) -> Tensor:
        """Return the class scores (N, classes) of all rows' images, in every process."""
        with self._precision(images):
            scores = self.network.class_scores(self._in_memory_format(images))
        return self.network.gather_scores(scores, len(images))

    def loss_and_scores(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.scores(images)[: len(labels)]
        if not self.graph.losses:
            return F.cross_entropy(scores, labels), scores
        mine = labels[torch.from_numpy(self.evaluation_rows(len(labels))).to(labels.device)]
        with self._precision(images):
            _, reported = self.network.training_loss(self._in_memory_format(images), mine, mine)
        return all_reduce(reported / self.network.mesh.arrangement.replicas), scores

    def counted(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """See ``Objective``: the row's share of the images or, if all rows have all of them, those of the first row."""
        with self._precision(images):
            scores = self.network.class_scores(self._in_memory_format(images))
        mesh = self.network.mesh
        rows = self.evaluation_rows(len(labels))
        alike = len(rows) == len(labels) and mesh.row > 0
        if alike or not self.network.counts_scores:
            return scores.new_empty((0, *self.graph.scores.output)), labels[:0]
        return scores, labels[torch.from_numpy(rows).to(labels.device)]

    def summed(self, counts: Tensor) -> Tensor:
        return all_reduce(counts)

    @property
    def devices(self) -> Devices:
        """See ``Objective``. The rows of the mesh hold copies of each other, and the devices of a row copies of what is
        not divided over them."""
        placed, parameters = self.network.placed, self.network.placed.graph.parameters

        def copies(key: str) -> int:
            sharding = placed.sharding_of(parameters[key])
            holders = placed.arrangement.devices if sharding.owner is None else placed.arrangement.replicas
            return holders // sharding.channels

        return Devices(self.network.mesh.device, copies, all_reduce)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.empty)

    def full_tensors(self, local: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        return shares.full_tensors(self.network, local, {name: self.empty[name] for name in names})

    def local_tensors(self, full: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return shares.shares_of(self.network, full)


def distribute(objective: Objective, arrangement: Arrangement) -> DistributedObjective:
    """Return this process's part of an objective that every process has whole.

    Frees the tensors of the whole one, because a device may only have memory for its share, as ``netspec plan`` counts
    it.
    """
    device = next(objective.module.parameters()).device
    mesh = join_mesh(arrangement, device, PATIENCE)
    network = PlacedNetwork(place_on_devices(objective.graph, arrangement), mesh, objective.forms)
    if objective.graph.train.channels_last:
        network.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    distributed = with_values(network, objective.module.state_dict())
    objective.module.to("meta")
    return distributed


def with_values(
    network: PlacedNetwork, whole: Mapping[str, Tensor], dtype: torch.dtype = torch.float32
) -> DistributedObjective:
    """Return the objective of a placed network with the values of the whole one's ``state_dict``, in ``dtype``."""
    network.module.to(network.mesh.device, dtype)
    shares.load_shares(network, whole)
    return DistributedObjective(
        network.placed.graph,
        network.module,
        network,
        Gradients(network),
        shares.meta_state(whole, dtype),
        forms=network.forms,
    )


def sharing_arrangement(graph: Graph, devices: int, split: SplitWord | None, batch: int) -> Arrangement:
    """Return the arrangement of devices that share a network and each of its batches.

    Raises ``RequestError`` if they cannot (``share_batch``).
    """
    try:
        arrangement = arrange(graph, devices, split)
        share_batch(arrangement, batch, graph.train.accumulate)
    except ArrangementError as problem:
        raise RequestError(problem.message, *problem.notes) from problem
    return arrangement
