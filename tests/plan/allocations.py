"""Measuring PyTorch's memory: the storages that autograd keeps, and the peak of a training step."""

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
from netspec.train.learning.task import made_up_labels


def labels_of(graph: Graph, batch: int, device: str) -> Tensor:
    """Return the labels of images, or of their pixels if the loss is that of maps of scores."""
    return made_up_labels(graph, batch).to(device)


def step_of(graph: Graph, batch: int, device: str) -> tuple[nn.Module, Callable[[], Tensor], Tensor]:
    """Return a network in training mode, a function that computes its loss on random images, and these images."""
    model = backend.load("pytorch").module(graph).train().to(device)
    images = torch.rand(batch, *graph.input.output, device=device)
    labels = labels_of(graph, batch, device)
    objective = Objective(graph, model)
    objective.set_random_state(0, 0)
    if device == "meta":  # which has no autocast
        return model, lambda: backend.load("pytorch").training_loss(model, images, labels), images
    return model, lambda: objective.loss(images, labels), images


def kept_bytes(graph: Graph, batch: int) -> int:
    """Return the bytes that autograd keeps for the backward pass on the CPU, with the images but without parameters."""
    model, loss, images = step_of(graph, batch, "cpu")
    parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
    sizes = {images.untyped_storage().data_ptr(): images.untyped_storage().nbytes()}
    alive = []  # so that no address is used twice

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            sizes[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        value = loss()
    assert value.requires_grad
    return sum(sizes.values())


class Allocations(TorchDispatchMode):
    """Counts the bytes of all live storages that operations return. Workspace that kernels allocate inside an
    operation is not counted."""

    def __init__(self) -> None:
        super().__init__()
        self.current = self.peak = 0
        self._counted: set[int] = set()

    def add(self, tensor: Tensor) -> None:
        """Count a tensor's storage from now on."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._counted:
            return
        self._counted.add(key)
        size = storage.nbytes()
        self.current += size
        self.peak = max(self.peak, self.current)
        weakref.finalize(storage, self._freed, key, size)

    def _freed(self, key: int, size: int) -> None:
        self._counted.discard(key)
        self.current -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self.add(leaf)
        return result


def peak_bytes(graph: Graph, batch: int, device: str = "meta") -> int:
    """Return the peak of allocated bytes in a training step with what the optimiser remembers, including the weights
    and images."""
    from netspec.train.learning.optimiser import optimiser_for

    model, loss, images = step_of(graph, batch, device)
    labels = labels_of(graph, batch, device)
    optimiser = optimiser_for(graph.parameters, dict(model.named_parameters()), train=graph.train)
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
    return counter.peak
