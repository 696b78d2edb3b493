"""What all update rules have in common: groups of parameters, their rates in a step, and what is remembered of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from netspec.ir.constraint import FREE, Constraint, incoming
from netspec.ir.schedules import OwnSchedule
from netspec.passes.accumulation import WHOLE, BatchProgress
from netspec.passes.optimiser_state import STATE_KINDS, StateKind
from netspec.train.learning.clipping import Clipping, gradients


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
    scaled rate, so its own multiplier is 1 unless the rate has noise, which is drawn separately for the decay.
    ``momentum`` is that of the step; ``None`` if it is the group's."""

    lr: float
    decay: float = 1.0
    momentum: float | None = None


class Due(NamedTuple):
    """A group that is due for an update, with those of its parameters that move: all have a gradient."""

    group: Group
    scale: Scale
    weights: list[Tensor]


class Optimiser(ABC):
    """An update rule, applied to groups of parameters.

    A group's learning rate in a step is its ``lr`` times its ``Scale``, or times ``factor`` if there are no ``scales``.
    After an update the ``constraint`` of the group is enforced, except on groups with an ``lr`` of 0. A group that its
    schedule has frozen, with a scale of 0, does not move, whatever is remembered of it. Before an update, the gradients
    of all groups that move are limited by ``clipping``, if there is one.

    If ``fused``, tensors of a parameter with the same memory layout are updated in one pass over memory, with one
    kernel launch per group. The results may then differ in the last bits.

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
        self.state: dict[StateKind, dict[Tensor, Tensor]] = {kind: {} for kind in STATE_KINDS}
        """What is remembered of each parameter that has been updated."""
        self.clipping: Clipping | None = None
        """The limit of the gradients, if there is one."""
        self.periods = {group.update_every for group in self.groups}
        """The ``update_every`` of the parameters on all devices, which limit gradients together."""
        self.starts: Mapping[StateKind, float] = {}
        """What is remembered at first, if it is not 0."""
        self.updates: dict[int, int] = {}
        """The numbers of updates so far, if the rule depends on them: those of the parameters with each
        ``update_every``, or with none (0)."""

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
        due: list[Due] = []
        for group, scale in zip(self.groups, scales, strict=True):
            mean = progress.mean(group.update_every)
            if mean is None:
                continue
            weights = [w for w in group.params if w.grad is not None] if scale.lr else []
            if weights and mean != 1:  # the mean over the images since the last update
                torch._foreach_mul_(gradients(weights), mean)
            if scale.momentum not in (None, group.momentum):
                group = replace(group, momentum=scale.momentum)
            due.append(Due(group, scale, weights))
        if any(progress.mean(every) is not None for every in self.periods):
            if self.clipping is not None:
                self.clipping([w for group, _, weights in due if group.lr for w in weights])
            self.prepare(due)
        for group, scale, weights in due:
            if weights:
                self.update(weights, group, scale)
            for w in weights if group.constraint and group.lr else ():
                constrain(w, group.constraint)
            if progress.done < len(progress.sizes):
                for w in group.params:
                    w.grad = None

    def prepare(self, due: Sequence[Due]) -> None:
        """Compute what the updates of several groups need together. All devices call this together if any of them has a
        parameter to update. The gradients may be overwritten."""
        return

    @abstractmethod
    def update(self, weights: list[Tensor], group: Group, scale: Scale) -> None:
        """Update those parameters of a group that have a gradient. The gradients may be overwritten."""

    def remembered(self, kind: StateKind, weights: Sequence[Tensor]) -> list[Tensor]:
        """Return what is remembered of each of these parameters, at first ``starts`` or zeros."""
        tensors = self.state[kind]
        found = [tensors.get(w) for w in weights]  # one look-up each: a tensor's hash is computed in Python
        for place, w in enumerate(weights):
            if found[place] is None:
                found[place] = tensors[w] = torch.full_like(w, self.starts.get(kind, 0.0))
        return [tensor for tensor in found if tensor is not None]

    def fusable(self, weights: Sequence[Tensor], *kinds: StateKind) -> list[Tensor]:
        """Return those of the weights, all of which have a gradient, that torch's fused kernels can update: gradients
        and what is remembered have their memory layout. None if the optimiser is not ``fused``."""
        if not self.fused:
            return []
        remembered = (self.remembered(kind, weights) for kind in kinds)
        tensors = zip(weights, gradients(weights), *remembered, strict=True)
        return [w for w, *others in tensors if _same_layout(w, *others)]


def without(weights: list[Tensor], some: list[Tensor]) -> list[Tensor]:
    """Return the weights without ``some`` of them."""
    if not some or len(some) == len(weights):
        return [] if some else weights
    excluded = set(some)
    return [w for w in weights if w not in excluded]


def _same_layout(*tensors: Tensor) -> bool:
    """Whether tensors have the same dtype and strides, and are dense in memory."""
    first, *others = tensors
    dense = first.is_contiguous() or (first.ndim == 4 and first.is_contiguous(memory_format=torch.channels_last))
    return dense and all((x.stride(), x.dtype) == (first.stride(), first.dtype) for x in others)


@torch.no_grad()
def constrain(w: Tensor, bounds: Constraint) -> None:
    """Scale the incoming weights of each unit to satisfy ``bounds``, in place.

    A device may hold the weights of only some units. If so, it holds the corresponding units of all ``bounds.parts``,
    so that no weights on other devices are needed.
    """
    axes = incoming(tuple(w.shape))
    if bounds.min_std is not None or bounds.max_std is not None:
        std = w.std(axes, correction=0, keepdim=True)
        w.mul_(torch.where(std > 0, std.clamp(bounds.min_std, bounds.max_std) / std, 1.0))
    if bounds.max_norm is not None or bounds.fixed_norm is not None:
        if bounds.parts > 1:
            w = w.view(bounds.parts, -1, *w.shape[1:])
            axes = (0, *(axis + 1 for axis in axes))
        norm = torch.linalg.vector_norm(w, dim=axes, keepdim=True)
        target = norm.clamp(max=bounds.max_norm) if bounds.fixed_norm is None else bounds.fixed_norm
        w.mul_(torch.where(norm > 0, target / norm, 1.0))
