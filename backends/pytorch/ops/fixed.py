"""Constant tensors of modules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn


class Fixed(nn.Module):
    """A constant tensor. ``forward`` returns it in the type of its argument.

    It is a non-persistent buffer, because copying it to the device in each step would block. Whenever the module is
    moved or converted, the buffer is created anew from the numbers, so that it is not rounded twice, and so that it is
    filled after ``to_empty``.
    """

    held: Tensor

    def __init__(self, numbers: Sequence[Any]) -> None:
        super().__init__()
        self.numbers = numbers
        self.register_buffer("held", torch.tensor(numbers), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.held = torch.tensor(self.numbers, dtype=self.held.dtype, device=self.held.device)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.held.to(x.dtype)
