"""RMSProp, AdaGrad and AdaDelta: steps that are divided by the root of the squared gradients so far."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from netspec.ir import rules
from netspec.ir.rules import AdaGrad, RmsProp
from netspec.train.learning.clipping import gradients
from netspec.train.learning.rule import Group, Optimiser, Scale


class InPortions(Optimiser):
    """A rule that divides by roots. The decay is a part of the gradient and has no noise of its own."""

    def __init__(self, groups: Iterable[Group]) -> None:
        super().__init__(groups)
        self._most = max((w.numel() for group in self.groups for w in group.params), default=0)

    def update(self, weights: list[Tensor], group: Group, scale: Scale) -> None:
        """See ``Optimiser``."""
        for some in self._portions(weights):
            if group.decay:
                torch._foreach_add_(gradients(some), some, alpha=group.decay)
            self._update(some, group.lr * scale.lr, group.momentum)

    @abstractmethod
    def _update(self, weights: list[Tensor], lr: float, momentum: float) -> None:
        """Update parameters with the same rate, with gradients that include the decay."""

    def _portions(self, weights: list[Tensor]) -> Iterator[list[Tensor]]:
        """Divide parameters among several updates, whose roots need no more memory than that of the largest one."""
        portion: list[Tensor] = []
        size = 0
        for w in weights:
            if size + w.numel() > self._most:
                yield portion
                portion, size = [], 0
            portion.append(w)
            size += w.numel()
        yield portion


class Rooted(InPortions):
    """The update rules of ``ir.rules.RmsProp`` and ``ir.rules.AdaGrad``.

    As in ``PaperSGD``, the velocity includes the learning rate, as in TensorFlow; ``torch.optim.RMSprop`` scales the
    velocity with the new rate. Otherwise, with ``eps`` and from 0, the results are those of ``torch.optim.RMSprop`` and
    ``torch.optim.Adagrad``.
    """

    def __init__(self, groups: Iterable[Group], rule: RmsProp | AdaGrad) -> None:
        super().__init__(groups)
        self.rule = rule
        self.starts = {"squares": rule.start}

    def _update(self, weights: list[Tensor], lr: float, momentum: float) -> None:
        given, roots = gradients(weights), self._roots(weights)
        if not momentum:
            torch._foreach_addcdiv_(weights, given, roots, value=-lr)
            return
        velocities = self.remembered("velocities", weights)
        torch._foreach_mul_(velocities, momentum)
        torch._foreach_addcdiv_(velocities, given, roots, value=-lr)
        torch._foreach_add_(weights, velocities)

    def _roots(self, weights: list[Tensor]) -> tuple[Tensor, ...]:
        """Update what is remembered of the gradients, and return what they are divided by."""
        rule, given, squares = self.rule, gradients(weights), self.remembered("squares", weights)
        if isinstance(rule, RmsProp):
            torch._foreach_mul_(squares, rule.rho)
        torch._foreach_addcmul_(squares, given, given, value=1 - rule.rho if isinstance(rule, RmsProp) else 1)
        if isinstance(rule, RmsProp) and rule.centered:
            means = self.remembered("means", weights)
            torch._foreach_lerp_(means, given, 1 - rule.rho)
            roots = torch._foreach_addcmul(squares, means, means, value=-1)
            torch._foreach_clamp_min_(roots, 0.0)  # rounding can make a variance negative
            if rule.eps_in_root:
                torch._foreach_add_(roots, rule.eps_in_root)
            torch._foreach_sqrt_(roots)
        elif rule.eps_in_root:
            roots = torch._foreach_add(squares, rule.eps_in_root)
            torch._foreach_sqrt_(roots)
        else:
            roots = torch._foreach_sqrt(squares)
        if rule.eps:
            torch._foreach_add_(roots, rule.eps)
        return tuple(roots)


class AdaDelta(InPortions):
    """The update rule of ``ir.rules.AdaDelta``. The results are those of ``torch.optim.Adadelta``."""

    def __init__(self, groups: Iterable[Group], rule: rules.AdaDelta) -> None:
        super().__init__(groups)
        self.rule = rule

    def _update(self, weights: list[Tensor], lr: float, momentum: float) -> None:
        moves, squares = (self.remembered(kind, weights) for kind in ("moves", "squares"))
        given, rho = gradients(weights), self.rule.rho
        torch._foreach_mul_(squares, rho)
        torch._foreach_addcmul_(squares, given, given, value=1 - rho)
        torch._foreach_mul_(given, self._roots(moves))  # one set of roots is in memory at a time
        torch._foreach_div_(given, self._roots(squares))
        torch._foreach_mul_(moves, rho)
        torch._foreach_addcmul_(moves, given, given, value=1 - rho)
        torch._foreach_add_(weights, given, alpha=-lr)

    def _roots(self, tensors: list[Tensor]) -> tuple[Tensor, ...]:
        roots = torch._foreach_add(tensors, self.rule.eps)
        torch._foreach_sqrt_(roots)
        return roots
