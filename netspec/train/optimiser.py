"""Stochastic gradient descent as the 2012 paper writes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from netspec.ir.graph import Graph, Parameter
from netspec.passes.torch_names import attributes, state_key


class PaperSGD(torch.optim.Optimizer):
    """v <- momentum v - decay lr w - lr g;  w <- w + v, with lr, momentum and decay of each group.

    Krizhevsky et al. (2012), section 5. The velocity holds the learning rate: after a cut of the rate, what has been
    gathered goes on at the old one (``torch.optim.SGD`` scales all of it by the new one, and parts from this rule at
    the first change). Every group's ``lr`` is what it started with, times ``factor`` of the schedule.

    Parameters
    ----------
    groups:
        Dictionaries with ``params``, ``lr``, ``momentum`` and ``decay``.
    """

    def __init__(self, groups: Iterable[dict[str, Any]]) -> None:
        super().__init__(groups, {})
        self.factor = 1.0

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient. ``closure`` is called first, if given."""
        if closure is not None:
            with torch.enable_grad():
                closure()
        for group in self.param_groups:
            weights = [p for p in group["params"] if p.grad is not None]
            if weights:
                self._move(weights, group["lr"] * self.factor, group["momentum"], group["decay"])

    def _move(self, weights: list[Tensor], lr: float, momentum: float, decay: float) -> None:
        gradients = [w.grad for w in weights if w.grad is not None]
        for w in weights:
            if "velocity" not in self.state[w]:
                self.state[w]["velocity"] = torch.zeros_like(w)
        velocities = [self.state[w]["velocity"] for w in weights]
        torch._foreach_mul_(velocities, momentum)
        if decay:
            torch._foreach_add_(velocities, weights, alpha=-decay * lr)
        torch._foreach_add_(velocities, gradients, alpha=-lr)
        torch._foreach_add_(weights, velocities)


def optimiser_for(parameters: Mapping[str, Parameter], tensors: Mapping[str, Tensor]) -> PaperSGD:
    """An optimiser of a network's tensors, given by the parameters' keys; those with the same numbers form a group."""
    groups: defaultdict[tuple[float, float, float], list[Tensor]] = defaultdict(list)
    for key, parameter in parameters.items():
        groups[parameter.lr, parameter.momentum, parameter.decay].append(tensors[key])
    return PaperSGD(
        {"params": members, "lr": lr, "momentum": momentum, "decay": decay}
        for (lr, momentum, decay), members in groups.items()
    )


def optimiser_of(graph: Graph, module: nn.Module) -> PaperSGD:
    """An optimiser of those of a graph's parameters that a module has."""
    names, tensors = attributes(graph), dict(module.named_parameters())
    keyed = {key: state_key(parameter, names) for key, parameter in graph.parameters.items()}
    held = {key: name for key, name in keyed.items() if name in tensors}
    return optimiser_for(
        {key: graph.parameters[key] for key in held}, {key: tensors[name] for key, name in held.items()}
    )


def velocities(module: nn.Module, optimiser: PaperSGD) -> dict[str, Tensor]:
    """The velocity of every parameter of a module, by its name in the ``state_dict``; zeros before its first move."""
    return {
        name: optimiser.state[p]["velocity"] if p in optimiser.state else torch.zeros_like(p)
        for name, p in module.named_parameters()
    }


@torch.no_grad()
def set_velocities(module: nn.Module, optimiser: PaperSGD, found: Mapping[str, Tensor]) -> None:
    """Let the parameters of a module go on with these velocities."""
    for name, p in module.named_parameters():
        optimiser.state[p]["velocity"] = found[name].to(p).clone(memory_format=torch.preserve_format)
