"""Stochastic gradient descent as the 2012 paper writes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netspec.ir.graph import Graph, Parameter
from netspec.passes.torch_names import attributes, state_key


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that are learnt with the same numbers."""

    params: tuple[Tensor, ...]
    lr: float
    momentum: float
    decay: float


class PaperSGD:
    """v <- momentum v - decay lr w - lr g;  w <- w + v, with lr, momentum and decay of each group.

    Krizhevsky et al. (2012), section 5. The velocity holds the learning rate: after a cut of the rate, what has been
    gathered goes on at the old one (``torch.optim.SGD`` scales all of it by the new one, and parts from this rule at
    the first change). Every group's ``lr`` is what it started with, times ``factor`` of the schedule.

    It is no ``torch.optim.Optimizer``, whose first call imports torch's compiler: a second and more at every start.
    """

    def __init__(self, groups: Iterable[Group]) -> None:
        self.groups = tuple(groups)
        self.factor = 1.0
        self.velocity: dict[Tensor, Tensor] = {}
        """Of each parameter that has moved."""

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for group in self.groups:
            for w in group.params:
                w.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for group in self.groups:
            weights = [w for w in group.params if w.grad is not None]
            if weights:
                self._move(weights, group.lr * self.factor, group.momentum, group.decay)

    def _move(self, weights: list[Tensor], lr: float, momentum: float, decay: float) -> None:
        gradients = [w.grad for w in weights if w.grad is not None]
        for w in weights:
            if w not in self.velocity:
                self.velocity[w] = torch.zeros_like(w)
        velocities = [self.velocity[w] for w in weights]
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
    return PaperSGD(Group(tuple(members), lr, momentum, decay) for (lr, momentum, decay), members in groups.items())


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
        name: optimiser.velocity[p] if p in optimiser.velocity else torch.zeros_like(p)
        for name, p in module.named_parameters()
    }


@torch.no_grad()
def set_velocities(module: nn.Module, optimiser: PaperSGD, found: Mapping[str, Tensor]) -> None:
    """Let the parameters of a module go on with these velocities."""
    for name, p in module.named_parameters():
        optimiser.velocity[p] = found[name].to(p).clone(memory_format=torch.preserve_format)
