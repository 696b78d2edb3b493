"""Adding gradients up over the shares of a batch, while the backward pass goes on.

torch's DistributedDataParallel replicates all parameters over one group of processes; here some lie in shares, some on
one device only, and each is added up over those devices alone that hold the same of it.

What every place of a row holds whole gets the same gradient on each, but not the same bits where a device adds up in
another order each time (cuDNN does). Copies learnt each from its own would part, so the first place's is taken.
"""

from __future__ import annotations

from functools import partial

import torch.distributed as dist
from torch import Tensor

from netspec.parallel.collectives import start_all_reduce, start_broadcast
from netspec.parallel.network import PlacedNetwork
from netspec.parallel.shares import held_of
from netspec.passes.parts import WHOLE
from netspec.passes.torch_names import attributes, state_key


class Gradients:
    """Starts the sum of a parameter's gradients as soon as it has one; ``wait`` ends a step's, or a part's.

    Of a batch that goes through in parts ``gathered`` says which is under way: a parameter's gradients are added up
    after those parts alone after which it is updated.
    """

    def __init__(self, network: PlacedNetwork) -> None:
        self.gathered = WHOLE
        self._waiting: list[dist.Work] = []
        self._group = network.team.along
        self._row = network.team.across
        graph, named = network.placed.graph, dict(network.module.named_parameters())
        names = attributes(graph)
        every = {state_key(p, names): p.update_every for p in graph.parameters.values()}
        everywhere = (state_key(p, names) for p in graph.parameters.values() if network.placed.learnt_by_all(p))
        self._learnt_by_all = [(named[key], every[key]) for key in everywhere]
        if dist.get_world_size(self._group) == 1:
            return
        for key, parameter in named.items():
            if held_of(network, key).batch > 1:
                parameter.register_post_accumulate_grad_hook(partial(self._start, every[key]))  # type: ignore[no-untyped-call]

    def wait(self) -> None:
        """Wait until every sum that was begun is complete, and every device that needs a gradient has the same one."""
        for work in self._waiting:
            work.wait()
        self._waiting.clear()
        due = (w for w, every in self._learnt_by_all if self.gathered.mean(every) is not None)
        gradients = [w.grad for w in due if w.grad is not None]
        for work in [start_broadcast(gradient, 0, self._row) for gradient in gradients]:
            work.wait()

    def _start(self, every: int | None, parameter: Tensor) -> None:
        if self.gathered.mean(every) is not None:
            assert parameter.grad is not None
            self._waiting.append(start_all_reduce(parameter.grad, self._group))
