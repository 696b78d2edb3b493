"""Dropout as one kernel (``passes.fast.dropout``)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from netspec.ir.ops import Dropout
from netspec.ir.shape import Shape

from ..ops.counter_rng import DeviceRandomState
from ..ops.dropout import DropoutLayer


class KernelDropout(DropoutLayer):
    """Dropout of N,... that drops the same units as without the pass.

    In training, a Triton kernel computes values of the types in ``kernels`` (see ``check.use_kernels``), provided that
    the random keys are on the device (``DeviceRandomState``). ``shape`` is that of one image's value.
    """

    def __init__(self, op: Dropout, shape: Shape) -> None:
        super().__init__(op, shape)
        self.shape = shape
        self.kernels: frozenset[torch.dtype] = frozenset()

    def forward(self, x: Tensor) -> Tensor:
        if not (
            self.training
            and isinstance(self.random_state, DeviceRandomState)
            and self.least
            and x.dtype in self.kernels
        ):
            return super().forward(x)
        one = torch.ones((), dtype=x.dtype)  # rounded as the values are
        scale = float(one / (1 - self.op.rate) if self.op.scaling == "train" else one)
        keys = self.random_state.table[self.random_state.rows[self.name]]
        arguments = keys, self.random_state.first_sample, self.first_unit, self.least, scale
        y: Tensor = DropoutFunction.apply(x, *arguments)  # type: ignore[no-untyped-call]
        return y


class DropoutFunction(torch.autograd.Function):
    """Computes values and gradients by the same kernel. It saves only the keys."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, keys: Tensor, *arguments: Any) -> Tensor:
        from .kernels.launch_dropout import dropout

        ctx.save_for_backward(keys)
        ctx.arguments = arguments
        return dropout(x, keys, *arguments)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        from .kernels.launch_dropout import dropout

        (keys,) = ctx.saved_tensors
        return dropout(dy, keys, *ctx.arguments), None, None, None, None, None
