"""What torch really holds: the storages that autograd keeps, and the most that is allocated during a step."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from netspec import backend
from netspec.ir.graph import Graph
from netspec.train.learning.objective import Objective


def step_of(graph: Graph, batch: int, device: str) -> tuple[nn.Module, Callable[[], Tensor], Tensor]:
    """A network in training mode, the loss of random images that its trainer takes, and the images."""
    model = backend.load("pytorch").module(graph).train().to(device)
    images = torch.rand(batch, *graph.input.output, device=device)
    labels = torch.zeros(batch, dtype=torch.long, device=device)
    objective = Objective(graph, model)
    objective.draw(0, 0)
    if device == "meta":  # has no autocast
        return model, lambda: backend.load("pytorch").training_loss(model, images, labels), images
    return model, lambda: objective.loss(images, labels), images


def kept_bytes(graph: Graph, batch: int) -> int:
    """The storages that autograd keeps for the backward pass on the CPU, parameters left out, the images counted."""
    model, loss, images = step_of(graph, batch, "cpu")
    held = {p.untyped_storage().data_ptr() for p in model.parameters()}
    found = {images.untyped_storage().data_ptr(): images.untyped_storage().nbytes()}
    alive = []

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in held:
            found[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        value = loss()
    assert value.requires_grad
    return sum(found.values())


class Allocations(TorchDispatchMode):
    """Counts the bytes of all storages that operations make, as long as they live. What a kernel takes for itself
    inside an operation is not seen."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._known: set[int] = set()

    def add(self, tensor: Tensor) -> None:
        """Count a tensor's storage from now on."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        size = storage.nbytes()
        self.now += size
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                self.add(leaf)
        return made


def most_allocated(graph: Graph, batch: int, device: str = "meta") -> int:
    """The most bytes that are alive at a time in a training step with momentum, the weights and images included."""
    from netspec.train.learning.optimiser import optimiser_for

    model, loss, images = step_of(graph, batch, device)
    labels = torch.zeros(batch, dtype=torch.long, device=device)
    optimiser = optimiser_for(graph.parameters, dict(model.named_parameters()))
    counter = Allocations()
    with counter:
        for tensor in (*model.parameters(), *model.buffers(), images):
            counter.add(tensor)
        for _ in range(2):
            optimiser.zero_grad()
            if device == "meta":
                loss().backward()
            else:
                Objective(graph, model).gradients(images, labels, 0, 0)
            optimiser.step()
    return counter.most
