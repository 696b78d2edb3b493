"""A convolution in groups, in whichever form is fastest for its shape (``passes.fast.grouped_conv``)."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir.ops import Conv
from netspec.ir.shape import Shape
from netspec.units import duration

from ..ops.weighted import Convolution

Form = Callable[..., Tensor]
"""``(x, weight, bias, stride, padding, dilation, groups) -> y``."""

_ROUNDS = 5

_WAITING = 10_000_000
"""Cycles that a GPU is kept waiting, 5 ms: some dozen launches are made meanwhile."""


class GroupedConvolution(Convolution):
    """N,C,H,W and a weight of F,C/G,h,w to N,F,H',W'. ``form`` is the name of the form: ``grouped`` until the first
    step of training has timed all of them on the layer's own values. ``weight`` is its weight's key."""

    def __init__(self, op: Conv, x: Shape, weight: str) -> None:
        super().__init__(op, x)
        self.weight = weight
        self.form = "grouped"
        self.timed: dict[str, float] = {}

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if self.before is not None:
            x = F.pad(x, self.before)
        if self.training and not self.timed:
            self.choose(x, weight, bias)
        return FORMS[self.form](x, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def choose(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        """Time every form, forward and backward, and take the fastest from now on. ``timed`` has the seconds."""
        rest = (self.stride, self.padding, self.dilation, self.groups)
        self.timed = {name: _seconds(partial(form, *_copies(x, weight, bias), *rest)) for name, form in FORMS.items()}
        self.form = min(self.timed, key=lambda name: self.timed[name])

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, form={self.form!r}"


def chosen_forms(model: nn.Module) -> list[str]:
    """Which form each convolution of a model has taken, in a line each, and what it was measured against. One of a
    layer with several inputs is told by its weight."""
    told = []
    for layer, inside in model.named_children():
        timed = [module for module in inside.modules() if isinstance(module, GroupedConvolution) and module.timed]
        for module in timed:
            which = layer if len(timed) == 1 else f"{layer} with {module.weight}"
            times = ", ".join(f"{form} {duration(seconds)}" for form, seconds in module.timed.items())
            told.append(f"{which} is computed {module.form}: {times}, forward and backward")
    return told


def grouped(x: Tensor, weight: Tensor, bias: Tensor | None, *rest: Any) -> Tensor:
    """The library's own."""
    return F.conv2d(x, weight, bias, *rest)


def one_per_group(x: Tensor, weight: Tensor, bias: Tensor | None, *rest: Any) -> Tensor:
    """A convolution for each group, their maps side by side."""
    *own, groups = rest
    biases = bias.chunk(groups) if bias is not None else [None] * groups
    parts = zip(x.chunk(groups, 1), weight.chunk(groups), biases, strict=True)
    return torch.cat([F.conv2d(*part, *own) for part in parts], 1)


def dense(x: Tensor, weight: Tensor, bias: Tensor | None, *rest: Any) -> Tensor:
    """One convolution over all maps, whose weights between the groups are 0."""
    *where, groups = rest
    own = weight.shape[1]
    rows = [
        F.pad(part, (0, 0, 0, 0, number * own, (groups - 1 - number) * own))
        for number, part in enumerate(weight.chunk(groups))
    ]
    return F.conv2d(x, torch.cat(rows), bias, *where)


FORMS: dict[str, Form] = {"grouped": grouped, "one per group": one_per_group, "dense": dense}


def _copies(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor | None, ...]:
    """The same numbers without history; with gradients where those have any."""
    return tuple(t if t is None else t.detach().requires_grad_(t.requires_grad) for t in (x, weight, bias))


@torch.enable_grad()
def _seconds(run: Callable[[], Tensor]) -> float:
    """How long a form takes forward and backward: the median after two that do not count."""
    seconds = []
    for _ in range(_ROUNDS + 2):
        y = run()
        gradient = torch.ones_like(y)
        seconds.append((_on_gpu if y.is_cuda else _on_cpu)(partial(_there_and_back, run, gradient)))
    return median(seconds[2:])


def _there_and_back(run: Callable[[], Tensor], gradient: Tensor) -> None:
    run().backward(gradient)  # type: ignore[no-untyped-call]


def _on_cpu(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _on_gpu(work: Callable[[], None]) -> float:
    """The GPU's own time: it is kept waiting until everything has been launched. Recorded steps wait for no launch, and
    of few images the form with more of them would seem the slower one."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    torch.cuda._sleep(_WAITING)  # type: ignore[no-untyped-call]
    start.record()
    work()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1000
