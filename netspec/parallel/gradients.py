"""Adding gradients up over the shares of a batch, while the backward pass goes on.

torch's DistributedDataParallel replicates all parameters over one group of processes; here some lie in shares, some on
one device only, and each is added up over those devices alone that hold the same of it.
"""

from __future__ import annotations

import torch.distributed as dist
from torch import Tensor

from netspec.parallel.collectives import start_all_reduce
from netspec.parallel.network import PlacedNetwork
from netspec.parallel.shares import held_of


class Gradients:
    """Starts the sum of a parameter's gradients as soon as it has one; ``wait`` ends a step's.

    With ``paused`` true nothing is started: for all but the last part of an accumulated batch.
    """

    def __init__(self, network: PlacedNetwork) -> None:
        self.paused = False
        self._waiting: list[dist.Work] = []
        self._group = network.team.along
        if dist.get_world_size(self._group) == 1:
            return
        for key, parameter in network.module.named_parameters():
            if held_of(network, key).batch > 1:
                parameter.register_post_accumulate_grad_hook(self._start)  # type: ignore[no-untyped-call]

    def wait(self) -> None:
        """Until every sum is there."""
        for work in self._waiting:
            work.wait()
        self._waiting.clear()

    def _start(self, parameter: Tensor) -> None:
        if not self.paused:
            assert parameter.grad is not None
            self._waiting.append(start_all_reduce(parameter.grad, self._group))
