"""ReLU, local response normalisation and maximum pooling in one operation (``passes.fast.lrn_chain``)."""

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
from .axes import Axes, axes_of, largest
from .places import Places, places_of
from .pooled import largest_pixels

AT_A_TIME = 2**18
"""Numbers of maps that go through a chain together on the CPU: their copies stay in its caches (1 MiB of float32)."""


class LrnChain(nn.Module):
    """N,C,H,W to N,C,H',W' (or N,C,H,W without pooling), in the type that it is given; computed in float32 at least.

    Maps of the types in ``kernels`` run as Triton kernels (see ``check.use_kernels``). ``shape`` is that of what it
    reads. Where ``adds_bias``, C numbers are added to it first.

    Values of less than float32 are the same as those of a chain that computes and pools in float32 and is rounded
    where it is read: rounding keeps the order of pixels.
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
    def places(self) -> Places | None:
        """Where the pooling's windows stand; ``None`` where there is none, or where it needs padding of its own."""
        if self.window is None or self.padding.before is not None:
            return None
        return places_of(self.window, self.padding)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        given, by_kernels = x.dtype, x.dtype in self.kernels
        if bias is not None and not by_kernels:
            # Not rounded to the maps' type, as the kernels do not: of two pixels another would be the larger.
            x = x + bias[:, None, None]
        learns = torch.is_grad_enabled() and x.requires_grad
        if self.axes is not None and x.device.type == "cpu" and x.is_contiguous() and not learns and not by_kernels:
            return inferred(x, self.lrn, self.relu, self.axes).to(given)
        y: Tensor
        if by_kernels:
            y = KernelFunction.apply(x, bias, self.lrn, self.relu, self.places)  # type: ignore[no-untyped-call]
        else:
            y = ChainFunction.apply(x, self.lrn, self.relu, self.places).to(given)  # type: ignore[no-untyped-call]
        if self.window is None or self.padding.before is None:
            return y
        y = F.pad(y, self.padding.before, value=-torch.inf)
        return F.max_pool2d(y, self.window.kernel, self.window.stride, dilation=self.window.dilation)

    def extra_repr(self) -> str:
        lrn = self.lrn
        return (
            f"relu={self.relu}, size={lrn.size}, k={lrn.k}, alpha={lrn.alpha}, beta={lrn.beta}, groups={lrn.groups}, "
            f"pool={self.places}"
        )


class ChainFunction(torch.autograd.Function):
    """The formulas of ``ops.lrn.LrnFunction`` between a ReLU and a pooling, on the CPU a few images at a time.

    Kept are the rectified maps, their sums b and the places of the largest pixels; b^-beta is worked out again.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, lrn: Lrn, relu: bool, places: Places | None) -> Tensor:
        ctx.lrn, ctx.relu, ctx.places = lrn, relu, places
        values: list[Tensor] = []
        kept: list[Tensor] = []
        for some in x.tensor_split(_parts(x)):
            value, *needed = _forward(some, lrn, relu, places)
            values.append(value)
            kept += needed if ctx.needs_input_grad[0] else ()
        ctx.save_for_backward(*kept)
        return _joined(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        each = 2 if ctx.places is None else 3
        kept = [ctx.saved_tensors[at : at + each] for at in range(0, len(ctx.saved_tensors), each)]
        parts = zip(dy.tensor_split(len(kept)), kept, strict=True)
        dx = _joined([_backward(some, ctx.lrn, ctx.relu, ctx.places, *needed) for some, needed in parts])
        return dx, None, None, None


def _forward(x: Tensor, lrn: Lrn, relu: bool, places: Places | None) -> tuple[Tensor, ...]:
    """The chain's value, then what its derivative needs: rectified maps, their sums, and, of a pooling, the places."""
    x = x.relu() if relu else x
    wide = _wide(x)
    sums = channel_sums(wide.square(), lrn.size // 2, lrn.size - 1 - lrn.size // 2, lrn.groups)
    base = sums.mul_(lrn.alpha).add_(lrn.k)
    y = power(base, lrn.beta).mul_(wide)
    if places is None:
        return y.to(x.dtype), x, base
    pooled, taken = largest_pixels(y, places)
    return pooled.to(x.dtype), x, base, taken


def _backward(
    dy: Tensor, lrn: Lrn, relu: bool, places: Places | None, x: Tensor, base: Tensor, taken: Tensor | None = None
) -> Tensor:
    """The gradient of what the chain reads, in its type."""
    wide, dy = _wide(x), dy.to(base.dtype)
    if places is not None:
        dy = torch.ops.aten.max_pool2d_with_indices_backward(dy, wide, *places, taken)
    dy = dy * power(base, lrn.beta)
    shares = (dy * wide).div_(base)
    sums = channel_sums(shares, lrn.size - 1 - lrn.size // 2, lrn.size // 2, lrn.groups)
    dx = dy.add_(sums.mul_(wide), alpha=-2 * lrn.alpha * lrn.beta)
    if relu:
        dx = torch.ops.aten.threshold_backward(dx, wide, 0)
    return dx.to(x.dtype)


def inferred(x: Tensor, lrn: Lrn, relu: bool, axes: Axes) -> Tensor:
    """The chain's value where no gradient is wanted: nothing is kept, nor where the largest pixels were."""
    return _joined([largest(_forward(some, lrn, relu, None)[0], axes) for some in x.tensor_split(_parts(x))])


def _parts(x: Tensor) -> int:
    """How many times some images of a batch go through: on a GPU, where each operation is a launch, once with all."""
    return max(1, min(len(x), x.numel() // AT_A_TIME)) if x.device.type == "cpu" else 1


def _joined(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts) if len(parts) > 1 else parts[0]


class KernelFunction(torch.autograd.Function):
    """The same as Triton kernels, with a bias before it or without. What the convolution made is kept, and the places
    of the largest pixels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor | None, lrn: Lrn, relu: bool, places: Places | None) -> Tensor:
        from .kernels import launch

        y, taken = launch.forward(x, bias, lrn, relu, places)
        ctx.lrn, ctx.relu, ctx.places = lrn, relu, places
        ctx.save_for_backward(x, bias, taken)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        from .kernels import launch

        x, bias, taken = ctx.saved_tensors
        sums = ctx.needs_input_grad[1]
        dx, db = launch.backward(x, bias, dy, taken, ctx.lrn, ctx.relu, ctx.places, sums=sums)
        return dx, db.to(bias.dtype) if db is not None else None, None, None, None


def power(base: Tensor, beta: float) -> Tensor:
    """b^-beta; by roots where beta is 3/4 or 1/2, which is faster than a power and as exact."""
    if beta == 0.75:
        root = base.sqrt()
        return root.sqrt().mul_(root).reciprocal_()
    return base.rsqrt() if beta == 0.5 else base**-beta


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
