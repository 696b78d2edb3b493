"""Timing the layers of a training step, forward and backward.

The step is that of the trainer. Each layer's output is replaced with a detached copy, so that the backward pass can be
run layer by layer. The computations and their order do not change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from netspec.timing.clock import Stamps
from netspec.timing.step import Step


@dataclass(frozen=True, slots=True)
class Part:
    """The time of a layer in a training step, forward and backward, in seconds."""

    forward: float
    backward: float


@dataclass(frozen=True, slots=True)
class Profile:
    """The times of a training step. ``parts`` are the layers by their attribute in the module, in the order of
    computation; ``loss`` is the computation after the last layer, ``update`` the weight update in seconds."""

    parts: dict[str, Part]
    loss: Part
    update: float

    @property
    def total(self) -> float:
        """The time of all parts in seconds."""
        parts = (*self.parts.values(), self.loss)
        return sum(part.forward + part.backward for part in parts) + self.update


@dataclass(slots=True)
class _Cut:
    """The cut after a layer: its output, the detached copy that its readers receive, and the numbers of the timestamps
    before and after the layer."""

    name: str
    value: Tensor
    copy: Tensor
    started: int
    ended: int


class _Seed(torch.autograd.Function):
    """A scalar whose backward pass gives a value this gradient, as ``torch.autograd.backward`` with gradients does.

    That function imports SymPy, which takes a third of a second.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor, gradient: Tensor) -> Tensor:
        """Return a scalar. Its value does not matter."""
        ctx.save_for_backward(gradient)
        return value.new_empty(())

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the value."""
        (gradient,) = ctx.saved_tensors
        return gradient, None


def profile(step: Step, rounds: int) -> Profile:
    """Return the times of a step's parts: medians over ``rounds`` steps, after one that does not count."""
    runs = [_once(step) for _ in range(rounds + 1)][1:]

    def middle(of: Callable[[Profile], float]) -> float:
        return median(map(of, runs))

    def part(of: Callable[[Profile], Part]) -> Part:
        return Part(middle(lambda run: of(run).forward), middle(lambda run: of(run).backward))

    parts = {name: part(lambda run, name=name: run.parts[name]) for name in runs[0].parts}  # type: ignore[misc]
    return Profile(parts, part(lambda run: run.loss), middle(lambda run: run.update))


def _once(step: Step) -> Profile:
    """Time the parts of a single step."""
    stamps = Stamps(step.device)
    loss, cuts = _forward(step, stamps)
    begun = stamps.stamp()
    loss.backward()  # type: ignore[no-untyped-call]
    back = [stamps.stamp()]
    for cut in reversed(cuts):
        if cut.copy.grad is not None:
            _Seed.apply(cut.value, cut.copy.grad).backward()  # type: ignore[no-untyped-call]
            cut.copy.grad = None
        back.append(stamps.stamp())
    step.optimiser.step()
    done = stamps.stamp()
    seconds = stamps.seconds
    backward = {cut.name: seconds(*ends) for cut, ends in zip(reversed(cuts), pairwise(back), strict=True)}
    parts = {cut.name: Part(seconds(cut.started, cut.ended), backward[cut.name]) for cut in cuts}
    of_loss = Part(seconds(cuts[-1].ended, begun), seconds(begun, back[0]))
    return Profile(parts, of_loss, seconds(back[-1], done))


def _forward(step: Step, stamps: Stamps) -> tuple[Tensor, list[_Cut]]:
    """Run the forward pass of a step. Return the loss, and the cuts after the layers."""
    cuts: list[_Cut] = []
    started: dict[str, int] = {}

    def enter(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, arguments: Any) -> None:
            started[name] = stamps.stamp()

        return hook

    def leave(name: str) -> Callable[..., Tensor]:
        def hook(module: nn.Module, arguments: Any, value: Tensor) -> Tensor:
            copy = value.detach().requires_grad_(value.requires_grad)
            cuts.append(_Cut(name, value, copy, started[name], stamps.stamp()))
            return copy

        return hook

    objective = step.objective
    hooks = [
        register(hook(name))
        for name, module in objective.module.named_children()
        for register, hook in (
            (module.register_forward_pre_hook, enter),
            (module.register_forward_hook, leave),
        )
    ]
    try:
        step.optimiser.zero_grad()
        objective.set_random_state(0, 0)
        loss = objective.loss(step.images, step.labels)
    finally:
        for handle in hooks:
            handle.remove()
    return loss, cuts
