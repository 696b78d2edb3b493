"""A stand-in for a GPU's graphs on the CPU: operations that ran are written down, and run again on the same memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Tape(TorchDispatchMode):
    """As with a graph, nothing that Python computed while it was written is computed again."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.operations.append((func, args, kwargs or {}, made))
        return made

    @torch.no_grad()
    def run(self) -> None:
        for func, args, kwargs, made in self.operations:
            for old, new in zip(tree_leaves(made), tree_leaves(func(*args, **kwargs)), strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


class Tapes:
    """Records on tapes, and counts them."""

    def __init__(self) -> None:
        self.tapes: list[Tape] = []
        self.runs = 0

    @contextmanager
    def side_stream(self) -> Iterator[None]:
        yield

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        with (tape := Tape()):
            work()
        self.tapes.append(tape)

        def again() -> None:
            self.runs += 1
            tape.run()

        return again
