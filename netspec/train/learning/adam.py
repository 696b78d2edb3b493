"""Adam, with weight decay as a part of the gradient or decoupled from it (AdamW)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

import torch
from torch import Tensor

from netspec.ir import rules
from netspec.passes.accumulation import WHOLE, BatchProgress
from netspec.train.learning.clipping import gradients
from netspec.train.learning.rule import Group, Optimiser, Scale, without

R = TypeVar("R", rules.Adam, rules.Lamb)


class WithMoments(Optimiser, Generic[R]):
    """A rule with running means of the gradients and of their squares, both corrected for their start from 0.

    ``updates`` are the numbers t of updates so far. They do not depend on which parameters this device has:
    ``periods`` are the ``update_every`` of the parameters on all devices.
    """

    def __init__(
        self,
        groups: Iterable[Group],
        rule: R,
        *,
        periods: Iterable[int | None] = (),
        fused: bool = False,
    ) -> None:
        super().__init__(groups, fused=fused)
        self.rule: R = rule
        self.updates = {every or 0: 0 for every in (*periods, *(group.update_every for group in self.groups))}

    def step(self, progress: BatchProgress = WHOLE) -> None:
        """See ``Optimiser``."""
        for every in self.updates:
            self.updates[every] += progress.mean(every or None) is not None
        super().step(progress)

    def root(self, w: Tensor, t: int) -> Tensor:
        """Update the running means of a parameter, and return what the one of the gradient is divided by."""
        rule, g = self.rule, w.grad
        assert g is not None
        (mean,), (square,) = self.remembered("means", [w]), self.remembered("squares", [w])
        mean.lerp_(g, 1 - rule.beta1)
        square.mul_(rule.beta2).addcmul_(g, g, value=1 - rule.beta2)
        return square.sqrt().div_((1 - rule.beta2**t) ** 0.5).add_(rule.eps)


class Adam(WithMoments[rules.Adam]):
    """Kingma & Ba (2015), algorithm 1, and Loshchilov & Hutter (2019), algorithm 2; the formulas are in
    ``ir.rules.Adam``. The results are those of ``torch.optim.Adam`` and ``torch.optim.AdamW``."""

    def update(self, weights: list[Tensor], group: Group, scale: Scale) -> None:
        """See ``Optimiser``. A decay that is a part of the gradient has no noise of its own."""
        t = self.updates[group.update_every or 0]
        lr = group.lr * scale.lr
        decay = group.decay * scale.decay if self.rule.decoupled else group.decay
        fusable = self.fusable(weights, "means", "squares")
        if fusable:
            self._update_fused(fusable, t, lr, decay)
        for w in without(weights, fusable):
            self._update(w, t, lr, decay)

    def _update(self, w: Tensor, t: int, lr: float, decay: float) -> None:
        """Update one parameter; all at once would need memory for the roots of all."""
        rule, g = self.rule, w.grad
        assert g is not None
        if decay and rule.decoupled:
            w.mul_(1 - lr * decay)
        elif decay:
            g.add_(w, alpha=decay)
        root = self.root(w, t)
        (mean,) = self.remembered("means", [w])
        w.addcdiv_(mean, root, value=-lr / (1 - rule.beta1**t))

    def _update_fused(self, weights: list[Tensor], t: int, lr: float, decay: float) -> None:
        rule = self.rule
        count = torch.full((), t, dtype=torch.float32, device=weights[0].device)  # without waiting for the device
        kernel = torch._fused_adamw_ if rule.decoupled else torch._fused_adam_
        kernel(
            weights,
            gradients(weights),
            self.remembered("means", weights),
            self.remembered("squares", weights),
            [],
            [count] * len(weights),
            lr=lr,
            beta1=rule.beta1,
            beta2=rule.beta2,
            weight_decay=decay,
            eps=rule.eps,
            amsgrad=False,
            maximize=False,
        )
        # torch does not count this kernel's writes, so copies of the weights (``Narrowed``) would not be refreshed.
        torch.autograd.graph.increment_version(weights)
