"""An exponential moving average of a network's weights, which is used for validation while training continues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """The average a <- d a + (1 - d) w after each step, for each floating-point tensor in a module's ``state_dict``.

    After t updates, d is min(``decay``, (1 + t) / (10 + t)), so that the initial values are soon forgotten (as with
    ``num_updates`` of TensorFlow's ``ExponentialMovingAverage``). The running statistics of batch normalisation are
    averaged too; integer tensors are copied.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._module = module
        self._tensors = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    @torch.no_grad()
    def update(self) -> None:
        """Update the averages after a step."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        current = self._module.state_dict()
        moving = [name for name, tensor in current.items() if tensor.is_floating_point()]
        if moving:  # a device may hold no layer
            torch._foreach_lerp_(
                [self._tensors[name] for name in moving], [current[name] for name in moving], 1 - decay
            )
        for name in current.keys() - moving:
            self._tensors[name].copy_(current[name])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the module compute with the averages inside the context."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, tensor in self._module.state_dict().items():
            own = tensor.clone()
            tensor.copy_(self._tensors[name])
            self._tensors[name].copy_(own)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint stores: the averages by the names of the weights, and the number of updates."""
        return {"updates": self.updates, "weights": dict(self._tensors)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state that ``state_dict`` returned."""
        weights: Mapping[str, Tensor] = state["weights"]
        with torch.no_grad():
            for name, tensor in self._tensors.items():
                tensor.copy_(weights[name])
        self.updates = int(state["updates"])
