"""LARS and LAMB: updates that are scaled by the ratio of two norms of each parameter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from netspec.ir import rules
from netspec.train.data.batches.transfer import to_device
from netspec.train.learning.adam import WithMoments
from netspec.train.learning.clipping import gradients
from netspec.train.learning.norms import Norms
from netspec.train.learning.rule import Due, Group, Scale
from netspec.train.learning.sgd import PaperSGD


class Lars(PaperSGD):
    """The update rule of ``ir.rules.Lars``, with ``norms`` of the parameters that it adapts.

    The velocity includes the learning rate and the ratio, as in the paper. The decay has no noise of its own.
    """

    def __init__(self, groups: Iterable[Group], rule: rules.Lars, norms: Norms) -> None:
        super().__init__(groups)
        self.rule = rule
        self._norms = norms
        self._ratios: dict[Tensor, Tensor] = {}

    def prepare(self, due: Sequence[Due]) -> None:
        """See ``Optimiser``."""
        decays = {w: group.decay for group, _, weights in due for w in weights if w in self._norms}
        weight, gradient = self._norms(_with_gradients(decays)).unbind(1)
        decay = to_device(np.array(list(decays.values())), weight.device)
        ratios = self.rule.trust * weight / (gradient + decay * weight + self.rule.eps)
        self._ratios = _by_parameter(decays, weight, gradient, ratios)

    def update(self, weights: list[Tensor], group: Group, scale: Scale) -> None:
        """See ``Optimiser``."""
        given = gradients(weights)
        if group.decay:
            torch._foreach_add_(given, weights, alpha=group.decay)
        for w, g in zip(weights, given, strict=True):
            if w in self._ratios:
                g.mul_(self._ratios[w])
        self._update(weights, group.lr * scale.lr, group.momentum, 0.0)


class Lamb(WithMoments[rules.Lamb]):
    """The update rule of ``ir.rules.Lamb``, with ``norms`` of the parameters that it adapts. The decay has no noise of
    its own."""

    def __init__(
        self, groups: Iterable[Group], rule: rules.Lamb, norms: Norms, *, periods: Iterable[int | None] = ()
    ) -> None:
        super().__init__(groups, rule, periods=periods)
        self._norms = norms
        self._ratios: dict[Tensor, Tensor] = {}

    def prepare(self, due: Sequence[Due]) -> None:
        """See ``Optimiser``. The steps, before their ratios, take the place of the gradients."""
        for group, _, weights in due:
            t = self.updates[group.update_every or 0]
            for w, g in zip(weights, gradients(weights), strict=True):
                root = self.root(w, t)
                (mean,) = self.remembered("means", [w])
                g.copy_(mean).div_(root).div_(1 - self.rule.beta1**t)
                if group.decay:
                    g.add_(w, alpha=group.decay)
        adapted = [w for _, _, weights in due for w in weights if w in self._norms]
        weight, step = self._norms(_with_gradients(adapted)).unbind(1)
        self._ratios = _by_parameter(adapted, weight, step, weight / step)

    def update(self, weights: list[Tensor], group: Group, scale: Scale) -> None:
        """See ``Optimiser``."""
        for w, g in zip(weights, gradients(weights), strict=True):
            if w in self._ratios:
                g.mul_(self._ratios[w])
            w.sub_(g, alpha=group.lr * scale.lr)


def _with_gradients(weights: Iterable[Tensor]) -> dict[Tensor, tuple[Tensor, Tensor]]:
    return {w: (w, w.grad) for w in weights if w.grad is not None}


def _by_parameter(weights: Iterable[Tensor], weight: Tensor, other: Tensor, ratios: Tensor) -> dict[Tensor, Tensor]:
    """Return each parameter's ratio in its dtype: the computed one if both norms are above 0, else 1."""
    ratios = torch.where((weight > 0) & (other > 0), ratios, 1.0)
    return {w: ratio.to(w.dtype) for w, ratio in zip(weights, ratios.unbind(), strict=True)}
