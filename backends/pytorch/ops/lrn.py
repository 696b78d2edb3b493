"""Local response normalisation across channels, forward and backward in few passes over memory.

Left to autograd, the chain of squares, shifted sums and powers keeps a map for every link and walks over memory for
each of them again on the way back; a step of AlexNet on a CPU spent a third of its time there.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.fx
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from netspec.ir.ops import Lrn

from .precision import widened


class LrnFunction(torch.autograd.Function):
    """y = x b^-beta with b = k + alpha S(x^2), where S sums over the channels around, inside equal runs of channels.

    So dx = dy b^-beta - 2 alpha beta x S'(dy x b^(-beta - 1)), where S' sums over the channels that have this one among
    those around them. All of N,C,H,W (or N,C). It also returns b and b^-beta, which the way back needs.
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
        ctx.set_materialize_grads(False)  # else the way back is handed two maps of zeros for these
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
    """For each channel the sum of itself, of ``before`` channels before it and ``after`` after it, in its own group."""
    shares = torch.unflatten(x, 1, (groups, -1))
    channels = shares.shape[2]
    sums = shares.clone()
    for shift in range(1, min(before + 1, channels)):
        sums[:, :, shift:] += shares[:, :, :-shift]
    for shift in range(1, min(after + 1, channels)):
        sums[:, :, :-shift] += shares[:, :, shift:]
    return sums.flatten(1, 2)


@torch.fx.wrap  # a symbolic trace keeps the call: what it has in place of values goes through no autograd function
def _response_norm(x: Tensor, size: int, k: float, alpha: float, beta: float, groups: int) -> Tensor:
    made = LrnFunction.apply(x, size, k, alpha, beta, groups)  # type: ignore[no-untyped-call]
    y: Tensor = made[0]
    return y


class ResponseNorm(nn.Module):
    """Across maps: x (k + alpha sum x^2)^-beta over the channels around, inside equal runs of channels.

    With one run and an odd window it is ``nn.LocalResponseNorm(size, alpha * size, beta, k)``. It can be differentiated
    once.
    """

    def __init__(self, op: Lrn) -> None:
        super().__init__()
        self.size = op.size
        self.k = op.k
        self.alpha = op.alpha
        self.beta = op.beta
        self.groups = op.groups

    def forward(self, x: Tensor) -> Tensor:
        return _response_norm(widened(x), self.size, self.k, self.alpha, self.beta, self.groups)

    def extra_repr(self) -> str:
        return f"size={self.size}, k={self.k}, alpha={self.alpha}, beta={self.beta}, groups={self.groups}"
