"""Numbers of a module that nothing learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn


class Fixed(nn.Module):
    """Numbers that nothing learns, in the type of a value.

    They go to a device with their module: a copy in every step would wait for it. Whenever the module's type or place
    changes they are made anew, so that none is rounded twice, and memory that was empty until then holds them.
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
