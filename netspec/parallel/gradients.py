"""Summing gradients over the shares of a batch while the backward pass is still running.

torch's DistributedDataParallel replicates all parameters over one group of processes. Here some parameters are divided
and some are on one device only, so each gradient is summed over exactly those devices that hold the same part of it.

A parameter that every device of a row holds whole gets the same gradient at each of them, up to rounding: cuDNN may add
up in a different order each time. Updating each copy with its own gradient would let the copies drift apart, so the
gradient of the row's first device is used for all.
"""

from __future__ import annotations

from functools import partial

import torch.distributed as dist
from torch import Tensor

from netspec.parallel.collectives import start_all_reduce, start_broadcast
from netspec.parallel.network import PlacedNetwork
from netspec.parallel.shares import sharding_of
from netspec.passes.accumulation import WHOLE
from netspec.passes.torch_names import state_keys


class Gradients:
    """Starts summing a parameter's gradients over the devices as soon as autograd has computed its own gradient.

    ``wait`` completes the sums; call it after each part of a batch. ``gathered`` says which part is being computed: a
    parameter's gradients are summed only after the parts that are followed by an update of that parameter.
    """

    def __init__(self, network: PlacedNetwork) -> None:
        self.gathered = WHOLE
        self._pending: list[dist.Work] = []
        self._column_group = network.mesh.column_group
        self._row_group = network.mesh.row_group
        graph, named = network.placed.graph, dict(network.module.named_parameters())
        keys = state_keys(graph)
        update_every = {keys[p.key]: p.update_every for p in graph.parameters.values()}
        replicated = (keys[p.key] for p in graph.parameters.values() if network.placed.replicated_in_row(p))
        self._replicated = [(named[key], update_every[key]) for key in replicated]
        if dist.get_world_size(self._column_group) == 1:
            return
        for key, parameter in named.items():
            if sharding_of(network, key).batch > 1:
                parameter.register_post_accumulate_grad_hook(partial(self._start, update_every[key]))  # type: ignore[no-untyped-call]

    def wait(self) -> None:
        """Wait for all sums that were started, then copy the gradients of a row's first device to the others."""
        for work in self._pending:
            work.wait()
        self._pending.clear()
        due = (w for w, update_every in self._replicated if self.gathered.mean(update_every) is not None)
        gradients = [w.grad for w in due if w.grad is not None]
        for work in [start_broadcast(gradient, 0, self._row_group) for gradient in gradients]:
            work.wait()

    def _start(self, update_every: int | None, parameter: Tensor) -> None:
        if self.gathered.mean(update_every) is not None:
            assert parameter.grad is not None
            self._pending.append(start_all_reduce(parameter.grad, self._column_group))
