"""ReLU, local response normalisation and max pooling fused into one operation (``passes.fast.lrn_chain``)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from netspec.ir.ops import Lrn
from netspec.ir.shape import Shape
from netspec.passes.fast import Chain
from netspec.passes.padding import Padding, pool_padding

from ..ops.lrn import channel_sums
from ..ops.precision import wide
from .axes import Axes, axes_of, largest
from .pool_args import PoolArgs, pool_args
from .pooled import largest_pixels

AT_A_TIME = 2**18
"""Elements that a chain processes at a time on the CPU, so that temporaries stay in its caches (1 MiB of float32)."""


class LrnChain(nn.Module):
    """N,C,H,W to N,C,H',W' (or N,C,H,W without pooling) of the same type, computed in float32 or higher precision.

    Triton kernels compute maps of the types in ``kernels`` (see ``check.use_kernels``). ``shape`` is that of the input.
    If ``adds_bias``, a bias (C,) is added to the input first.

    Results in bfloat16 or float16 equal those of a chain in float32 that is rounded at the end, because rounding
    preserves the order of pixels.
    """

    def __init__(self, chain: Chain, x: Shape) -> None:
        super().__init__()
        self.shape = x
        self.adds_bias = chain.biased is not None
        self.kernels: frozenset[torch.dtype] = frozenset()
        self.lrn = chain.lrn
        self.relu = chain.relu
        self.window = chain.pool.window if chain.pool is not None else None
        self.padding = pool_padding(self.window, x) if self.window is not None else Padding((0, 0))
        self.axes = axes_of(self.window, x) if self.window is not None else None

    @property
    def pool(self) -> PoolArgs | None:
        """The windows of the pooling; ``None`` without pooling, or if it needs explicit padding and is separate."""
        if self.window is None or self.padding.image_pad is not None:
            return None
        return pool_args(self.window, self.padding)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        dtype, by_kernels = x.dtype, x.dtype in self.kernels
        if bias is not None and not by_kernels:
            # Do not round to the type of the maps, as the kernels do not: another pixel might become the largest.
            x = x + bias[:, None, None]
        needs_grad = torch.is_grad_enabled() and x.requires_grad
        if self.axes is not None and x.device.type == "cpu" and x.is_contiguous() and not needs_grad and not by_kernels:
            return infer(x, self.lrn, self.relu, self.axes).to(dtype)
        y: Tensor
        if by_kernels:
            y = KernelFunction.apply(x, bias, self.lrn, self.relu, self.pool)  # type: ignore[no-untyped-call]
        else:
            y = ChainFunction.apply(x, self.lrn, self.relu, self.pool).to(dtype)  # type: ignore[no-untyped-call]
        if self.window is None or self.padding.image_pad is None:
            return y
        y = F.pad(y, self.padding.image_pad, value=-torch.inf)
        return F.max_pool2d(y, self.window.kernel, self.window.stride, dilation=self.window.dilation)

    def extra_repr(self) -> str:
        lrn = self.lrn
        return (
            f"relu={self.relu}, size={lrn.size}, k={lrn.k}, alpha={lrn.alpha}, beta={lrn.beta}, groups={lrn.groups}, "
            f"pool={self.pool}"
        )


class ChainFunction(torch.autograd.Function):
    """The formulas of ``ops.lrn.LrnFunction`` between a ReLU and a pooling; on the CPU, a few images at a time.

    It saves the rectified maps, the sums b and the indices of the largest pixels; ``backward`` recomputes b^-beta.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, lrn: Lrn, relu: bool, pool: PoolArgs | None) -> Tensor:
        ctx.lrn, ctx.relu, ctx.pool = lrn, relu, pool
        values: list[Tensor] = []
        saved: list[Tensor] = []
        for chunk in x.tensor_split(_parts(x)):
            value, *for_backward = _forward(chunk, lrn, relu, pool)
            values.append(value)
            saved += for_backward if ctx.needs_input_grad[0] else ()
        ctx.save_for_backward(*saved)
        return _concatenate(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        per_chunk = 2 if ctx.pool is None else 3
        saved = [ctx.saved_tensors[start : start + per_chunk] for start in range(0, len(ctx.saved_tensors), per_chunk)]
        parts = zip(dy.tensor_split(len(saved)), saved, strict=True)
        dx = _concatenate([_backward(chunk, ctx.lrn, ctx.relu, ctx.pool, *of_chunk) for chunk, of_chunk in parts])
        return dx, None, None, None


def _forward(x: Tensor, lrn: Lrn, relu: bool, pool: PoolArgs | None) -> tuple[Tensor, ...]:
    """Return the chain's value, and for its gradient the rectified maps, b, and the indices if it pools."""
    x = x.relu() if relu else x
    maps = wide(x)
    sums = channel_sums(maps.square(), lrn.size // 2, lrn.size - 1 - lrn.size // 2, lrn.groups)
    base = sums.mul_(lrn.alpha).add_(lrn.k)
    y = power(base, lrn.beta).mul_(maps)
    if pool is None:
        return y.to(x.dtype), x, base
    pooled, indices = largest_pixels(y, pool)
    return pooled.to(x.dtype), x, base, indices


def _backward(
    dy: Tensor, lrn: Lrn, relu: bool, pool: PoolArgs | None, x: Tensor, base: Tensor, indices: Tensor | None = None
) -> Tensor:
    """Return the gradient by the chain's input, in the type of the input."""
    maps, dy = wide(x), dy.to(base.dtype)
    if pool is not None:
        dy = torch.ops.aten.max_pool2d_with_indices_backward(dy, maps, *pool, indices)
    dy = dy * power(base, lrn.beta)
    shares = (dy * maps).div_(base)
    sums = channel_sums(shares, lrn.size - 1 - lrn.size // 2, lrn.size // 2, lrn.groups)
    dx = dy.add_(sums.mul_(maps), alpha=-2 * lrn.alpha * lrn.beta)
    if relu:
        dx = torch.ops.aten.threshold_backward(dx, maps, 0)
    return dx.to(x.dtype)


def infer(x: Tensor, lrn: Lrn, relu: bool, axes: Axes) -> Tensor:
    """Return the chain's value without saving anything for a gradient."""
    return _concatenate([largest(_forward(chunk, lrn, relu, None)[0], axes) for chunk in x.tensor_split(_parts(x))])


def _parts(x: Tensor) -> int:
    """Return into how many parts to split a batch: one on a GPU, where every operation costs a kernel launch."""
    return max(1, min(len(x), x.numel() // AT_A_TIME)) if x.device.type == "cpu" else 1


def _concatenate(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts) if len(parts) > 1 else parts[0]


class KernelFunction(torch.autograd.Function):
    """The chain by Triton kernels, with an optional bias before it.

    It saves the input and, for each window, which pixel was the largest.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor | None, lrn: Lrn, relu: bool, pool: PoolArgs | None) -> Tensor:
        from .kernels import launch_lrn_chain

        y, indices = launch_lrn_chain.forward(x, bias, lrn, relu, pool)
        ctx.lrn, ctx.relu, ctx.pool = lrn, relu, pool
        ctx.save_for_backward(x, bias, indices)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        from .kernels import launch_lrn_chain

        x, bias, indices = ctx.saved_tensors
        needs_db = ctx.needs_input_grad[1]
        dx, db = launch_lrn_chain.backward(x, bias, dy, indices, ctx.lrn, ctx.relu, ctx.pool, sums=needs_db)
        return dx, db.to(bias.dtype) if db is not None else None, None, None, None


def power(base: Tensor, beta: float) -> Tensor:
    """Return b^-beta. For beta 3/4 and 1/2, square roots are faster than a power and as exact."""
    if beta == 0.75:
        root = base.sqrt()
        return root.sqrt().mul_(root).reciprocal_()
    return base.rsqrt() if beta == 0.5 else base**-beta
