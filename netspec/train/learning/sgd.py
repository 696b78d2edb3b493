"""Stochastic gradient descent with the update rule of the 2012 paper, or with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from netspec.train.learning.clipping import gradients
from netspec.train.learning.rule import Group, Optimiser, Scale, without


class PaperSGD(Optimiser):
    """The update v <- momentum v - decay lr w - lr g;  w <- w + v, with lr, momentum and decay of each group.

    Krizhevsky et al. (2012), section 5. The velocity includes the learning rate: after a reduction of the rate, the
    accumulated velocity still reflects the old one. (``torch.optim.SGD`` scales the velocity with the new rate, so its
    results differ from the first change of the rate.) With ``nesterov``, the second part is
    w <- w + momentum v - decay lr w - lr g (``ir.rules.Sgd``).
    """

    def __init__(self, groups: Iterable[Group], *, nesterov: bool = False, fused: bool = False) -> None:
        super().__init__(groups, fused=fused)
        self.nesterov = nesterov

    def update(self, weights: list[Tensor], group: Group, scale: Scale) -> None:
        """See ``Optimiser``."""
        lr, decay = group.lr * scale.lr, group.decay * scale.decay
        if group.super_eps is not None and lr:  # the root may be NaN, and NaN times 0 would be NaN
            for w in weights:
                self._update_normalised(w, lr, group.momentum, group.super_eps)
            return
        fusable = self.fusable(weights, "velocities") if group.momentum and lr else []
        if fusable:
            self._update_fused(fusable, lr, group.momentum, decay)
        others = without(weights, fusable)
        if others:
            self._update(others, lr, group.momentum, decay)

    def _update(self, weights: list[Tensor], lr: float, momentum: float, decay: float) -> None:
        velocities = self.remembered("velocities", weights)
        torch._foreach_mul_(velocities, momentum)
        if decay:
            torch._foreach_add_(velocities, weights, alpha=-decay * lr)
        torch._foreach_add_(velocities, gradients(weights), alpha=-lr)
        if not self.nesterov:
            torch._foreach_add_(weights, velocities)
            return
        if decay:
            torch._foreach_add_(weights, weights, alpha=-decay * lr)
        torch._foreach_add_(weights, gradients(weights), alpha=-lr)
        torch._foreach_add_(weights, velocities, alpha=momentum)

    def _update_normalised(self, w: Tensor, lr: float, momentum: float, super_eps: float) -> None:
        """Apply v <- 0.9 v - lr g / sqrt(G2 + G + super_eps);  w <- w + v, with the running means G of g and G2 of g^2.

        This is ``superEps`` of cuda-convnet in 2012. There g had the opposite sign, and G was not squared either.
        """
        g = w.grad
        assert g is not None
        (velocity,), (mean,) = self.remembered("velocities", [w]), self.remembered("means", [w])
        (square,) = self.remembered("squares", [w])
        mean.mul_(momentum).add_(g, alpha=1 - momentum)
        square.mul_(momentum).addcmul_(g, g, value=1 - momentum)
        root = square.add(mean).add_(super_eps).sqrt_()
        w.add_(velocity.mul_(0.9).addcdiv_(g, root, value=-lr))

    def _update_fused(self, weights: list[Tensor], lr: float, momentum: float, decay: float) -> None:
        """Update the parameters with torch's fused kernel.

        The kernel computes v <- momentum v + (1 - dampening) (g + decay w);  w <- w - lr v. With dampening = 1 + lr and
        a learning rate of -1, this is the rule of this class. With Nesterov's momentum it adds (g + decay w) to the
        weights without a factor, so there the gradient is divided by -1 / lr (``grad_scale``), the decay is multiplied
        with -lr, and there is no dampening.
        """
        nesterov = self.nesterov
        torch._fused_sgd_(
            weights,
            gradients(weights),
            self.remembered("velocities", weights),
            weight_decay=-decay * lr if nesterov else decay,
            momentum=momentum,
            lr=-1.0,
            dampening=0.0 if nesterov else 1.0 + lr,
            nesterov=nesterov,
            maximize=False,
            is_first_step=False,
            grad_scale=torch.full((), -1 / lr, device=weights[0].device) if nesterov else None,
        )
        # torch does not count this kernel's writes, so copies of the weights (``Narrowed``) would not be refreshed.
        torch.autograd.graph.increment_version(weights)
