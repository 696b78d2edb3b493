"""Operations that join several values or only reshape one, and softmax."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netspec.ir.ops import Concat, Flatten, Input, Max, Product, Reshape, Softmax, Sum
from netspec.ir.shape import Shape

from .emission import OperationModule, Table


class Concatenate(nn.Module):
    """Concatenates channels or features."""

    def forward(self, *values: Tensor) -> Tensor:
        return torch.cat(values, 1)


class GroupedConcatenate(OperationModule):
    """Concatenates group by group: group 0 of all values, then group 1 of all values, and so on."""

    op: Concat

    def forward(self, *values: Tensor) -> Tensor:
        shares = [value.chunk(self.op.groups, 1) for value in values]
        return torch.cat([share[g] for g in range(self.op.groups) for share in shares], 1)


class Add(nn.Module):
    """Adds values element-wise, from left to right."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            first = first + other
        return first


class Largest(nn.Module):
    """Element-wise maximum; the first one of equals gets the gradient, which ``torch.maximum`` would divide."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            first = torch.where(other > first, other, first)
        return first


class Multiply(nn.Module):
    """Multiplies values element-wise, from left to right. Each vector that is ``widened`` multiplies maps of images."""

    def __init__(self, widened: tuple[bool, ...]) -> None:
        super().__init__()
        self.widened = widened

    def forward(self, *values: Tensor) -> Tensor:
        first, *others = (x[:, :, None, None] if wide else x for x, wide in zip(values, self.widened, strict=True))
        for other in others:
            first = first * other
        return first


class Relaid(nn.Module):
    """Reshapes each image's value."""

    def __init__(self, size: Shape) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], *self.size)

    def extra_repr(self) -> str:
        return str(self.size)


TABLE: Table = {
    Input: lambda op, inputs: nn.Identity(),
    Concat: lambda op, inputs: Concatenate() if op.groups == 1 else GroupedConcatenate(op),
    Sum: lambda op, inputs: Add(),
    Max: lambda op, inputs: Largest(),
    Product: lambda op, inputs: Multiply(op.widened(inputs)),
    Flatten: lambda op, inputs: nn.Flatten(),
    Reshape: lambda op, inputs: Relaid(op.size),
    Softmax: lambda op, inputs: nn.Softmax(dim=1),
}
