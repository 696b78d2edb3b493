"""Stochastic gradient descent as the 2012 paper writes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netspec.ir.constraint import FREE, Constraint
from netspec.ir.graph import Graph, Parameter
from netspec.passes.torch_names import attributes, state_key
from netspec.train.learning.constraining import constrain


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that are learnt with the same numbers."""

    params: tuple[Tensor, ...]
    lr: float
    momentum: float
    decay: float
    constraint: Constraint = FREE


class PaperSGD:
    """v <- momentum v - decay lr w - lr g;  w <- w + v, with lr, momentum and decay of each group.

    Krizhevsky et al. (2012), section 5. The velocity holds the learning rate: after a cut of the rate, what has been
    gathered goes on at the old one (``torch.optim.SGD`` scales all of it by the new one, and parts from this rule at
    the first change). Every group's ``lr`` is what it started with, times ``factor`` of the schedule. What has moved is
    then held to the ``constraint`` of its group; a group whose ``lr`` is 0 does not move.

    ``fused``: weights, gradients and velocities that lie alike in memory are moved in one pass over it, in one launch
    for each group; the last bits of the numbers are others then.

    It is no ``torch.optim.Optimizer``, whose first call imports torch's compiler: a second and more at every start.
    """

    def __init__(self, groups: Iterable[Group], *, fused: bool = False) -> None:
        self.groups = tuple(groups)
        self.fused = fused
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
            for w in weights if group.constraint and group.lr else ():
                constrain(w, group.constraint)

    def _move(self, weights: list[Tensor], lr: float, momentum: float, decay: float) -> None:
        gradients = [w.grad for w in weights if w.grad is not None]
        for w in weights:
            if w not in self.velocity:
                self.velocity[w] = torch.zeros_like(w)
        if self.fused and momentum and lr:
            weights = self._moved_at_once(weights, lr, momentum, decay)
            gradients = [w.grad for w in weights if w.grad is not None]
        velocities = [self.velocity[w] for w in weights]
        if not weights:
            return
        torch._foreach_mul_(velocities, momentum)
        if decay:
            torch._foreach_add_(velocities, weights, alpha=-decay * lr)
        torch._foreach_add_(velocities, gradients, alpha=-lr)
        torch._foreach_add_(weights, velocities)

    def _moved_at_once(self, weights: list[Tensor], lr: float, momentum: float, decay: float) -> list[Tensor]:
        """Move those that can be in one pass, and return the others.

        torch's kernel computes v <- momentum v + (1 - dampening) (g + decay w);  w <- w - lr v, of which this rule is
        the case dampening = 1 + lr and lr = -1.
        """
        together = [w for w in weights if w.grad is not None and _alike(w, w.grad, self.velocity[w])]
        if together:
            torch._fused_sgd_(
                together,
                [w.grad for w in together if w.grad is not None],
                [self.velocity[w] for w in together],
                weight_decay=decay,
                momentum=momentum,
                lr=-1.0,
                dampening=1.0 + lr,
                nesterov=False,
                maximize=False,
                is_first_step=False,
            )
        moved = set(together)
        return [w for w in weights if w not in moved]


def _alike(*tensors: Tensor) -> bool:
    """Whether tensors lie in memory in the same way, without gaps."""
    first, *others = tensors
    dense = first.is_contiguous() or (first.ndim == 4 and first.is_contiguous(memory_format=torch.channels_last))
    return dense and all((x.stride(), x.dtype) == (first.stride(), first.dtype) for x in others)


def optimiser_for(
    parameters: Mapping[str, Parameter], tensors: Mapping[str, Tensor], *, fused: bool = False
) -> PaperSGD:
    """An optimiser of a network's tensors, given by the parameters' keys; those with the same numbers form a group."""
    groups: defaultdict[tuple[float, float, float, Constraint], list[Tensor]] = defaultdict(list)
    for key, parameter in parameters.items():
        groups[parameter.lr, parameter.momentum, parameter.decay, parameter.constraint].append(tensors[key])
    made = (Group(tuple(members), *numbers) for numbers, members in groups.items())
    return PaperSGD(made, fused=fused)


def optimiser_of(graph: Graph, module: nn.Module, *, fused: bool = False) -> PaperSGD:
    """An optimiser of those of a graph's parameters that a module has."""
    names, tensors = attributes(graph), dict(module.named_parameters())
    keyed = {key: state_key(parameter, names) for key, parameter in graph.parameters.items()}
    held = {key: name for key, name in keyed.items() if name in tensors}
    return optimiser_for(
        {key: graph.parameters[key] for key in held}, {key: tensors[name] for key, name in held.items()}, fused=fused
    )


def velocities(module: nn.Module, optimiser: PaperSGD) -> dict[str, Tensor]:
    """The velocity of every parameter of a module, by its name in the ``state_dict``; before its first move a single
    zero in the parameter's shape, which takes no memory and no room in a file."""
    return {
        name: optimiser.velocity[p] if p in optimiser.velocity else p.new_zeros(()).expand_as(p)
        for name, p in module.named_parameters()
    }


@torch.no_grad()
def set_velocities(module: nn.Module, optimiser: PaperSGD, found: Mapping[str, Tensor]) -> None:
    """Let the parameters of a module go on with these velocities, each laid out in memory as its parameter is."""
    for name, p in module.named_parameters():
        optimiser.velocity[p] = torch.empty_like(p).copy_(found[name])
