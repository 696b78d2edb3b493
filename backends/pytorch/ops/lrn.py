"""Local response normalisation across channels, with few passes over memory forward and backward.

With autograd, each square, shifted sum and power would keep a tensor and pass over memory again in the backward pass,
which took a third of the time of an AlexNet step on a CPU.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.fx
from torch import Tensor
from torch.autograd.function import once_differentiable

from netspec.ir.ops import Lrn

from .emission import OperationModule
from .precision import widened


class LrnFunction(torch.autograd.Function):
    """y = x b^-beta with b = k + alpha S(x^2), where S sums over the window of channels around each, within its group.

    dx = dy b^-beta - 2 alpha beta x S'(dy x b^(-beta - 1)), where S' sums over the channels whose windows contain this
    one. All tensors are N,C,H,W (or N,C). ``forward`` also returns b and b^-beta, which the backward pass needs.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, size: int, k: float, alpha: float, beta: float, groups: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        base = channel_sums(x.square(), size // 2, size - 1 - size // 2, groups).mul_(alpha).add_(k)
        factor = base**-beta
        return x * factor, base, factor

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        x, ctx.size, _, ctx.alpha, ctx.beta, ctx.groups = inputs
        _, base, factor = output
        ctx.mark_non_differentiable(base, factor)
        ctx.set_materialize_grads(False)  # else the backward pass gets zero gradients for b and b^-beta
        ctx.save_for_backward(x, base, factor)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, *unused: Tensor) -> tuple[Tensor | None, ...]:
        x, base, factor = ctx.saved_tensors
        shares = (dy * x).mul_(factor).div_(base)
        sums = channel_sums(shares, ctx.size - 1 - ctx.size // 2, ctx.size // 2, ctx.groups)
        dx = (dy * factor).add_(sums.mul_(x), alpha=-2 * ctx.alpha * ctx.beta)
        return dx, None, None, None, None, None


def channel_sums(x: Tensor, before: int, after: int, groups: int) -> Tensor:
    """Return for each channel the sum of itself, ``before`` channels before and ``after`` after it, in its group."""
    shares = torch.unflatten(x, 1, (groups, -1))
    channels = shares.shape[2]
    sums = shares.clone()
    for shift in range(1, min(before + 1, channels)):
        sums[:, :, shift:] += shares[:, :, :-shift]
    for shift in range(1, min(after + 1, channels)):
        sums[:, :, :-shift] += shares[:, :, shift:]
    return sums.flatten(1, 2)


@torch.fx.wrap  # keep the call in symbolic traces, whose proxies cannot pass through an autograd function
def _response_norm(x: Tensor, size: int, k: float, alpha: float, beta: float, groups: int) -> Tensor:
    results = LrnFunction.apply(x, size, k, alpha, beta, groups)  # type: ignore[no-untyped-call]
    y: Tensor = results[0]
    return y


class ResponseNorm(OperationModule):
    """Normalisation across channels: x (k + alpha sum x^2)^-beta, summed over a window of channels in the same group.

    With one group and an odd window it equals ``nn.LocalResponseNorm(size, alpha * size, beta, k)``. It can be
    differentiated only once.
    """

    op: Lrn

    def forward(self, x: Tensor) -> Tensor:
        op = self.op
        return _response_norm(widened(x), op.size, op.k, op.alpha, op.beta, op.groups)
