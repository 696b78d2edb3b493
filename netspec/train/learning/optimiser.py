"""Stochastic gradient descent with the update rule of the 2012 paper."""

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
from netspec.passes.parts import WHOLE, BatchProgress
from netspec.passes.torch_names import attributes, state_key
from netspec.train.learning.constraining import constrain


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters with the same hyperparameters.

    ``schedule`` is ``None`` if the train line's applies. ``name`` is set only if the learning rate has noise, which is
    drawn for each parameter separately; it is then the key of the group's single parameter.
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
    """The multipliers of a group's learning rate and weight decay in a step. The decay is already multiplied with the
    scaled rate, so its own multiplier is 1 unless the rate has noise, which is drawn separately for the decay."""

    lr: float
    decay: float = 1.0


_USUAL = Train()
EMPTY: Mapping[str, Tensor] = MappingProxyType({})


class PaperSGD:
    """The update v <- momentum v - decay lr w - lr g;  w <- w + v, with lr, momentum and decay of each group.

    Krizhevsky et al. (2012), section 5. The velocity includes the learning rate: after a reduction of the rate, the
    accumulated velocity still reflects the old one. (``torch.optim.SGD`` scales the velocity with the new rate, so its
    results differ from the first change of the rate.) A group's learning rate in a step is its ``lr`` times its
    ``Scale``, or times ``factor`` if there are no ``scales``. After an update the ``constraint`` of the group is
    enforced, except on groups with an ``lr`` of 0. A group that its schedule has frozen, with a scale of 0, does not
    move, whatever its velocity.

    If ``fused``, weights, gradients and velocities with the same memory layout are updated in one pass over memory,
    with one kernel launch per group. The results may then differ in the last bits.

    This is not a ``torch.optim.Optimizer``, because the first call of one imports torch's compiler, which takes more
    than a second.
    """

    def __init__(self, groups: Iterable[Group], *, fused: bool = False) -> None:
        self.groups = tuple(groups)
        self.fused = fused
        self.factor = 1.0
        """The multiplier of all learning rates, used if there are no ``scales``."""
        self.scales: tuple[Scale, ...] | None = None
        """One for each group, or ``None``."""
        self.velocity: dict[Tensor, Tensor] = {}
        """The velocity of each parameter that has been updated."""
        self.means: dict[Tensor, Tensor] = {}
        """The running mean of the gradient of each parameter with a ``super_eps``."""
        self.squares: dict[Tensor, Tensor] = {}
        """The running mean of the squared gradient of each parameter with a ``super_eps``."""

    def zero_grad(self) -> None:
        """Set all gradients to ``None``."""
        for group in self.groups:
            for w in group.params:
                w.grad = None

    @torch.no_grad()
    def step(self, progress: BatchProgress = WHOLE) -> None:
        """Update every parameter that has a gradient. After a part of a batch, update only the parameters that are due,
        and clear their gradients."""
        scales = self.scales or (Scale(self.factor),) * len(self.groups)
        for group, scale in zip(self.groups, scales, strict=True):
            mean = progress.mean(group.update_every)
            if mean is None:
                continue
            self._step_group(group, scale, mean)
            if progress.done < len(progress.sizes):
                for w in group.params:
                    w.grad = None

    def _step_group(self, group: Group, scale: Scale, mean: float) -> None:
        """Update a group. Its gradients times ``mean`` are the mean over the images since its last update."""
        weights = [w for w in group.params if w.grad is not None]
        if not weights or not scale.lr:
            return
        if mean != 1:
            torch._foreach_mul_(_gradients(weights), mean)
        lr = group.lr * scale.lr
        if group.super_eps is None or not lr:  # the root may be NaN, and NaN times 0 would be NaN
            self._update(weights, lr, group.momentum, group.decay * scale.decay)
        else:
            for w in weights:
                self._update_normalised(w, lr, group.momentum, group.super_eps)
        for w in weights if group.constraint and group.lr else ():
            constrain(w, group.constraint)

    def _update(self, weights: list[Tensor], lr: float, momentum: float, decay: float) -> None:
        for w in weights:
            if w not in self.velocity:
                self.velocity[w] = torch.zeros_like(w)
        if self.fused and momentum and lr:
            weights = self._update_fused(weights, lr, momentum, decay)
        if not weights:
            return
        velocities = [self.velocity[w] for w in weights]
        torch._foreach_mul_(velocities, momentum)
        if decay:
            torch._foreach_add_(velocities, weights, alpha=-decay * lr)
        torch._foreach_add_(velocities, _gradients(weights), alpha=-lr)
        torch._foreach_add_(weights, velocities)

    def _update_normalised(self, w: Tensor, lr: float, momentum: float, super_eps: float) -> None:
        """Apply v <- 0.9 v - lr g / sqrt(G2 + G + super_eps);  w <- w + v, with the running means G of g and G2 of g^2.

        This is ``superEps`` of cuda-convnet in 2012. There g had the opposite sign, and G was not squared either.
        """
        g = w.grad
        assert g is not None
        for buffers in (self.velocity, self.means, self.squares):
            if w not in buffers:
                buffers[w] = torch.zeros_like(w)
        mean = self.means[w].mul_(momentum).add_(g, alpha=1 - momentum)
        square = self.squares[w].mul_(momentum).addcmul_(g, g, value=1 - momentum)
        root = square.add(mean).add_(super_eps).sqrt_()
        w.add_(self.velocity[w].mul_(0.9).addcdiv_(g, root, value=-lr))

    def _update_fused(self, weights: list[Tensor], lr: float, momentum: float, decay: float) -> list[Tensor]:
        """Update the parameters that torch's fused kernel can handle, and return the others.

        The kernel computes v <- momentum v + (1 - dampening) (g + decay w);  w <- w - lr v. With dampening = 1 + lr and
        a learning rate of -1, this is the rule of this class.
        """
        fusable = [w for w in weights if w.grad is not None and _same_layout(w, w.grad, self.velocity[w])]
        if fusable:
            torch._fused_sgd_(
                fusable,
                _gradients(fusable),
                [self.velocity[w] for w in fusable],
                weight_decay=decay,
                momentum=momentum,
                lr=-1.0,
                dampening=1.0 + lr,
                nesterov=False,
                maximize=False,
                is_first_step=False,
            )
            # torch does not count this kernel's writes, so copies of the weights (``Narrowed``) would not be refreshed.
            torch.autograd.graph.increment_version(fusable)
        updated = set(fusable)
        return [w for w in weights if w not in updated]


def _gradients(weights: list[Tensor]) -> list[Tensor]:
    """Return the gradients of weights, all of which have one."""
    return [w.grad for w in weights if w.grad is not None]


def _same_layout(*tensors: Tensor) -> bool:
    """Whether tensors have the same dtype and strides, and are dense in memory."""
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
    """Return an optimiser of a network's ``tensors``, given by parameter key. Parameters with the same hyperparameters
    form a group."""
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
    return PaperSGD((replace(empty, params=tuple(params)) for empty, params in members.items()), fused=fused)


def optimiser_of(graph: Graph, module: nn.Module, *, fused: bool = False) -> PaperSGD:
    """Return an optimiser of those of a graph's parameters that a module has."""
    names, by_name = attributes(graph), dict(module.named_parameters())
    parameters = {key: p for key, p in graph.parameters.items() if state_key(p, names) in by_name}
    tensors = {key: by_name[state_key(p, names)] for key, p in parameters.items()}
    return optimiser_for(parameters, tensors, train=graph.train, fused=fused)


def velocities(module: nn.Module, optimiser: PaperSGD) -> dict[str, Tensor]:
    """Return the velocity of each parameter of a module by its name in the ``state_dict``.

    Before the first update it is a single zero expanded to the parameter's shape, which takes up no space in memory or
    in a file.
    """
    return {name: _or_zero(optimiser.velocity, p) for name, p in module.named_parameters()}


def running_means(module: nn.Module, optimiser: PaperSGD) -> dict[str, dict[str, Tensor]]:
    """Return the ``means`` and ``squares`` of the module's parameters that have a ``super_eps``, by name, like
    ``velocities``."""
    divided = {w for group in optimiser.groups if group.super_eps is not None for w in group.params}
    named = {name: p for name, p in module.named_parameters() if p in divided}
    return {
        kind: {name: _or_zero(buffers, p) for name, p in named.items()}
        for kind, buffers in (("means", optimiser.means), ("squares", optimiser.squares))
    }


def _or_zero(buffers: Mapping[Tensor, Tensor], p: Tensor) -> Tensor:
    return buffers[p] if p in buffers else p.new_zeros(()).expand_as(p)


@torch.no_grad()
def set_velocities(
    module: nn.Module,
    optimiser: PaperSGD,
    velocities: Mapping[str, Tensor],
    means: Mapping[str, Tensor] = EMPTY,
    squares: Mapping[str, Tensor] = EMPTY,
) -> None:
    """Set the velocities of a module's parameters, and the running means of those that have them. Each is stored with
    the memory layout of its parameter."""
    restored = ((optimiser.velocity, velocities), (optimiser.means, means), (optimiser.squares, squares))
    for buffers, tensors in restored:
        for name, p in module.named_parameters():
            if name in tensors:
                buffers[p] = torch.empty_like(p).copy_(tensors[name])
