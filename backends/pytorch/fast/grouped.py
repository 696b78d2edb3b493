"""Grouped convolution in the form that is measured to be fastest (``passes.fast.grouped_conv``)."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netspec.formatting import format_duration
from netspec.ir.ops import Conv
from netspec.ir.shape import Shape

from ..ops.weighted import Convolution

Form = Callable[..., Tensor]
"""``(x, weight, bias, stride, padding, dilation, groups) -> y``."""

_ROUNDS = 5

_SLEEP_CYCLES = 10_000_000
"""Clock cycles, about 5 ms, that a GPU sleeps before a measurement, while the CPU launches the kernels."""


class GroupedConvolution(Convolution):
    """Grouped convolution of N,C,H,W with a weight of F,C/G,h,w to N,F,H',W'.

    ``form`` names the form in use: ``grouped`` until the first training step has timed all forms on the layer's own
    values. ``weight`` is the key of its weight.
    """

    def __init__(self, op: Conv, x: Shape, weight: str) -> None:
        super().__init__(op, x)
        self.weight = weight
        self.form = "grouped"
        self.timed: dict[str, float] = {}

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if self.image_pad is not None:
            x = F.pad(x, self.image_pad)
        if self.training and not self.timed:
            self.choose(x, weight, bias)
        return FORMS[self.form](x, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def choose(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        """Time every form, forward and backward, into ``timed`` (seconds), and use the fastest from now on."""
        options = (self.stride, self.padding, self.dilation, self.groups)
        self.timed = {
            name: _seconds(partial(form, *_copies(x, weight, bias), *options)) for name, form in FORMS.items()
        }
        self.form = min(self.timed, key=lambda name: self.timed[name])

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, form={self.form!r}"


def chosen_forms(model: nn.Module) -> list[str]:
    """Return a line per timed convolution of a model: its form, and the times of all forms.

    Convolutions of a layer with several inputs are identified by their weights.
    """
    lines = []
    for layer, inside in model.named_children():
        timed = [module for module in inside.modules() if isinstance(module, GroupedConvolution) and module.timed]
        for module in timed:
            label = layer if len(timed) == 1 else f"{layer} with {module.weight}"
            times = ", ".join(f"{form} {format_duration(seconds)}" for form, seconds in module.timed.items())
            lines.append(f"{label} is computed {module.form}: {times}, forward and backward")
    return lines


def grouped(x: Tensor, weight: Tensor, bias: Tensor | None, *options: Any) -> Tensor:
    """torch's own grouped convolution."""
    return F.conv2d(x, weight, bias, *options)


def one_per_group(x: Tensor, weight: Tensor, bias: Tensor | None, *options: Any) -> Tensor:
    """One convolution per group, concatenated."""
    *ungrouped, groups = options
    biases = bias.chunk(groups) if bias is not None else [None] * groups
    parts = zip(x.chunk(groups, 1), weight.chunk(groups), biases, strict=True)
    return torch.cat([F.conv2d(*part, *ungrouped) for part in parts], 1)


def dense(x: Tensor, weight: Tensor, bias: Tensor | None, *options: Any) -> Tensor:
    """One ungrouped convolution, with zero weights between different groups."""
    *ungrouped, groups = options
    group_channels = weight.shape[1]
    rows = [
        F.pad(part, (0, 0, 0, 0, number * group_channels, (groups - 1 - number) * group_channels))
        for number, part in enumerate(weight.chunk(groups))
    ]
    return F.conv2d(x, torch.cat(rows), bias, *ungrouped)


FORMS: dict[str, Form] = {"grouped": grouped, "one per group": one_per_group, "dense": dense}


def _copies(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor | None, ...]:
    """Return detached tensors that require gradients if the originals do."""
    return tuple(t if t is None else t.detach().requires_grad_(t.requires_grad) for t in (x, weight, bias))


@torch.enable_grad()
def _seconds(compute: Callable[[], Tensor]) -> float:
    """Return the median time of a form, forward and backward, after two warm-up rounds."""
    seconds = []
    for _ in range(_ROUNDS + 2):
        y = compute()
        gradient = torch.ones_like(y)
        seconds.append((_on_gpu if y.is_cuda else _on_cpu)(partial(_forward_backward, compute, gradient)))
    return median(seconds[2:])


def _forward_backward(compute: Callable[[], Tensor], gradient: Tensor) -> None:
    compute().backward(gradient)  # type: ignore[no-untyped-call]


def _on_cpu(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _on_gpu(work: Callable[[], None]) -> float:
    """Return the time on the GPU without launch overhead: the GPU sleeps until all kernels have been launched.

    Recorded steps (CUDA graphs) have no launch overhead, which would count against forms with more launches.
    """
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    torch.cuda._sleep(_SLEEP_CYCLES)  # type: ignore[no-untyped-call]
    start.record()
    work()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1000
