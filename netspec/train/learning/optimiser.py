"""Stochastic gradient descent as the 2012 paper writes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor, nn

from netspec.ir.constraint import FREE, Constraint
from netspec.ir.graph import Graph, Parameter
from netspec.ir.settings import OwnSchedule, Train, noise_of
from netspec.passes.parts import WHOLE, Gathered
from netspec.passes.torch_names import attributes, state_key
from netspec.train.learning.constraining import constrain


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that are learnt with the same numbers.

    ``schedule`` is ``None`` where the train line's holds. ``name`` is the key of the group's only parameter where its
    rate has noise, which is drawn for each by itself.
    """

    params: tuple[Tensor, ...]
    lr: float
    momentum: float
    decay: float
    constraint: Constraint = FREE
    schedule: OwnSchedule | None = None
    update_every: int | None = None
    super_eps: float | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """What a group's learning rate and decay are multiplied by in a step. The decay is that of the scaled rate, so that
    its own multiplier is 1 but for noise, of which the decay has another draw than the gradient."""

    lr: float
    decay: float = 1.0


_USUAL = Train()
NONE: Mapping[str, Tensor] = MappingProxyType({})


class PaperSGD:
    """v <- momentum v - decay lr w - lr g;  w <- w + v, with lr, momentum and decay of each group.

    Krizhevsky et al. (2012), section 5. The velocity holds the learning rate: after a cut of the rate, what has been
    gathered goes on at the old one (``torch.optim.SGD`` scales all of it by the new one, and parts from this rule at
    the first change). Every group's ``lr`` is what it started with, times its ``Scale``; without ``scales``, times
    ``factor``. What has moved is then held to the ``constraint`` of its group; a group whose ``lr`` is 0 does not move,
    and one that its schedule has frozen, at a scale of 0, stands still whatever its velocity.

    ``fused``: weights, gradients and velocities that lie alike in memory are moved in one pass over it, in one launch
    for each group; the last bits of the numbers are others then.

    It is no ``torch.optim.Optimizer``, whose first call imports torch's compiler: a second and more at every start.
    """

    def __init__(self, groups: Iterable[Group], *, fused: bool = False) -> None:
        self.groups = tuple(groups)
        self.fused = fused
        self.factor = 1.0
        """What the train line's schedule multiplies rates by."""
        self.scales: tuple[Scale, ...] | None = None
        """One for each group, where they are known."""
        self.velocity: dict[Tensor, Tensor] = {}
        """Of each parameter that has moved."""
        self.means: dict[Tensor, Tensor] = {}
        """The running means of the gradients of those with a ``super_eps``, ..."""
        self.squares: dict[Tensor, Tensor] = {}
        """... and of their squares."""

    def zero_grad(self) -> None:
        """Set all gradients to ``None``."""
        for group in self.groups:
            for w in group.params:
                w.grad = None

    @torch.no_grad()
    def step(self, gathered: Gathered = WHOLE) -> None:
        """Move every parameter that has a gradient. After a part of a batch only those whose turn it is, which have no
        gradient then until the next part."""
        scales = self.scales or (Scale(self.factor),) * len(self.groups)
        for group, scale in zip(self.groups, scales, strict=True):
            mean = gathered.mean(group.update_every)
            if mean is None:
                continue
            self._step(group, scale, mean)
            if gathered.done < len(gathered.sizes):
                for w in group.params:
                    w.grad = None

    def _step(self, group: Group, scale: Scale, mean: float) -> None:
        """Move a group whose gradients, times ``mean``, are those of the images since it has last moved."""
        weights = [w for w in group.params if w.grad is not None]
        if not weights or not scale.lr:
            return
        if mean != 1:
            torch._foreach_mul_(_gradients(weights), mean)
        lr = group.lr * scale.lr
        if group.super_eps is None or not lr:  # a root of a number below 0 times no rate would be no number
            self._move(weights, lr, group.momentum, group.decay * scale.decay)
        else:
            for w in weights:
                self._move_divided(w, lr, group.momentum, group.super_eps)
        for w in weights if group.constraint and group.lr else ():
            constrain(w, group.constraint)

    def _move(self, weights: list[Tensor], lr: float, momentum: float, decay: float) -> None:
        for w in weights:
            if w not in self.velocity:
                self.velocity[w] = torch.zeros_like(w)
        if self.fused and momentum and lr:
            weights = self._moved_at_once(weights, lr, momentum, decay)
        if not weights:
            return
        velocities = [self.velocity[w] for w in weights]
        torch._foreach_mul_(velocities, momentum)
        if decay:
            torch._foreach_add_(velocities, weights, alpha=-decay * lr)
        torch._foreach_add_(velocities, _gradients(weights), alpha=-lr)
        torch._foreach_add_(weights, velocities)

    def _move_divided(self, w: Tensor, lr: float, momentum: float, super_eps: float) -> None:
        """v <- 0.9 v - lr g / sqrt(G2 + G + super_eps);  w <- w + v, with G and G2 the running means of g and of g^2:
        the ``superEps`` of cuda-convnet of 2012, whose g was that of minus the cost, and G was not squared either.
        """
        g = w.grad
        assert g is not None
        for kept in (self.velocity, self.means, self.squares):
            if w not in kept:
                kept[w] = torch.zeros_like(w)
        mean = self.means[w].mul_(momentum).add_(g, alpha=1 - momentum)
        square = self.squares[w].mul_(momentum).addcmul_(g, g, value=1 - momentum)
        root = square.add(mean).add_(super_eps).sqrt_()
        w.add_(self.velocity[w].mul_(0.9).addcdiv_(g, root, value=-lr))

    def _moved_at_once(self, weights: list[Tensor], lr: float, momentum: float, decay: float) -> list[Tensor]:
        """Move those that can be in one pass, and return the others.

        torch's kernel computes v <- momentum v + (1 - dampening) (g + decay w);  w <- w - lr v, of which this rule is
        the case dampening = 1 + lr and lr = -1.
        """
        together = [w for w in weights if w.grad is not None and _alike(w, w.grad, self.velocity[w])]
        if together:
            torch._fused_sgd_(
                together,
                _gradients(together),
                [self.velocity[w] for w in together],
                weight_decay=decay,
                momentum=momentum,
                lr=-1.0,
                dampening=1.0 + lr,
                nesterov=False,
                maximize=False,
                is_first_step=False,
            )
            # torch does not note of this kernel that it writes: what is made of weights would not be made anew.
            torch.autograd.graph.increment_version(together)
        moved = set(together)
        return [w for w in weights if w not in moved]


def _gradients(weights: list[Tensor]) -> list[Tensor]:
    """The gradients of weights that have one each."""
    return [w.grad for w in weights if w.grad is not None]


def _alike(*tensors: Tensor) -> bool:
    """Whether tensors have the same type and the same strides, without gaps in memory."""
    first, *others = tensors
    dense = first.is_contiguous() or (first.ndim == 4 and first.is_contiguous(memory_format=torch.channels_last))
    return dense and all((x.stride(), x.dtype) == (first.stride(), first.dtype) for x in others)


def optimiser_for(
    parameters: Mapping[str, Parameter],
    tensors: Mapping[str, Tensor],
    *,
    train: Train = _USUAL,
    fused: bool = False,
) -> PaperSGD:
    """An optimiser of a network's tensors, given by the parameters' keys; those with the same numbers form a group."""
    members: defaultdict[Group, list[Tensor]] = defaultdict(list)
    for key, p in parameters.items():
        noisy = noise_of(train.schedule if p.schedule is None else p.schedule)
        empty = Group(
            params=(),
            lr=p.lr,
            momentum=p.momentum,
            decay=p.decay,
            constraint=p.constraint,
            schedule=p.schedule,
            update_every=p.update_every,
            super_eps=p.super_eps,
            name=key if noisy else "",
        )
        members[empty].append(tensors[key])
    return PaperSGD((replace(empty, params=tuple(own)) for empty, own in members.items()), fused=fused)


def optimiser_of(graph: Graph, module: nn.Module, *, fused: bool = False) -> PaperSGD:
    """An optimiser of those of a graph's parameters that a module has."""
    names, tensors = attributes(graph), dict(module.named_parameters())
    keyed = {key: state_key(parameter, names) for key, parameter in graph.parameters.items()}
    held = {key: name for key, name in keyed.items() if name in tensors}
    own = {key: tensors[name] for key, name in held.items()}
    return optimiser_for({key: graph.parameters[key] for key in held}, own, train=graph.train, fused=fused)


def velocities(module: nn.Module, optimiser: PaperSGD) -> dict[str, Tensor]:
    """The velocity of every parameter of a module, by its name in the ``state_dict``; before its first move a single
    zero in the parameter's shape, which takes no memory and no room in a file."""
    return {name: _kept(optimiser.velocity, p) for name, p in module.named_parameters()}


def running_means(module: nn.Module, optimiser: PaperSGD) -> dict[str, dict[str, Tensor]]:
    """``means`` and ``squares`` of the gradients of those parameters of a module that have a ``super_eps``."""
    divided = {w for group in optimiser.groups if group.super_eps is not None for w in group.params}
    named = {name: p for name, p in module.named_parameters() if p in divided}
    return {
        kind: {name: _kept(kept, p) for name, p in named.items()}
        for kind, kept in (("means", optimiser.means), ("squares", optimiser.squares))
    }


def _kept(kept: Mapping[Tensor, Tensor], p: Tensor) -> Tensor:
    return kept[p] if p in kept else p.new_zeros(()).expand_as(p)


@torch.no_grad()
def set_velocities(
    module: nn.Module,
    optimiser: PaperSGD,
    found: Mapping[str, Tensor],
    means: Mapping[str, Tensor] = NONE,
    squares: Mapping[str, Tensor] = NONE,
) -> None:
    """Let the parameters of a module go on with these velocities, and these running means where they have some, each
    laid out in memory as its parameter is."""
    for kept, tensors in ((optimiser.velocity, found), (optimiser.means, means), (optimiser.squares, squares)):
        for name, p in module.named_parameters():
            if name in tensors:
                kept[p] = torch.empty_like(p).copy_(tensors[name])
