"""The trainer's step on random images on the device: forward pass, loss, backward pass and weight update."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from netspec.ir.graph import Graph
from netspec.passes.fast import Forms, forms_of
from netspec.timing.clock import seconds_of
from netspec.timing.settings import TimingSettings
from netspec.train.learning.heap import keep_memory
from netspec.train.learning.objective import Objective, build
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.learning.recorded import recorded
from netspec.train.learning.rule import Optimiser
from netspec.train.learning.task import made_up_labels

StepKind = Literal["train", "infer"]


@dataclass(slots=True)
class Step:
    """A network with its optimiser, and a batch of images and labels, for timing ``train`` and ``infer``. ``notes`` are
    messages for the user about optimised forms that cannot be used on this device."""

    objective: Objective
    optimiser: Optimiser
    images: Tensor
    labels: Tensor
    device: str
    notes: tuple[str, ...] = ()
    taken: int = 0

    def train(self) -> None:
        """Take a training step."""
        self.objective.module.train()
        self.optimiser.zero_grad()
        self.objective.gradients(self.images, self.labels, 0, self.taken)
        self.optimiser.step()
        self.taken += 1

    @torch.no_grad()
    def infer(self) -> None:
        """Compute the class scores of the batch in evaluation mode."""
        self.objective.module.eval()
        self.objective.scores(self.images)


def step_of(graph: Graph, settings: TimingSettings, passes: Collection[str]) -> Step:
    """Return a step of a network with initial weights, in the forms of these passes. The whole batch is processed at
    once, whatever ``accumulate`` says."""
    graph, forms, device = _in_one_part(graph, settings), step_forms(graph, settings, passes), settings.device
    objective = recorded(build(graph, 0, device, forms))
    images, labels = batch_of(graph, device, settings.batch)
    optimiser = optimiser_of(graph, objective.module, fused=forms.fused_update)
    return Step(objective, optimiser, objective.to_layout(images), labels, device, objective.use_kernels())


def step_forms(graph: Graph, settings: TimingSettings, passes: Collection[str]) -> Forms:
    """Return the forms in which a step with these optimising passes is timed."""
    return forms_of(_in_one_part(graph, settings), passes, settings.batch)


def _in_one_part(graph: Graph, settings: TimingSettings) -> Graph:
    """Return the graph with the precision of the measurement and without gradient accumulation."""
    return replace(graph, train=replace(graph.train, precision=settings.precision, accumulate=1))


def separate_step(
    graph: Graph, settings: TimingSettings, passes: Collection[str], threads: int, kind: StepKind = "train"
) -> Callable[[], object]:
    """Return a function that runs a step and waits for the device, for use in a dedicated process.

    Changes settings of the whole process, as the passes demand: the number of threads, whether freed memory is kept,
    and whether cuDNN benchmarks its algorithms.
    """
    torch.set_num_threads(threads)
    step = step_of(graph, settings, passes)
    keep_memory(step.objective.forms.kept_memory)
    torch.backends.cudnn.benchmark = step.objective.forms.benchmarked
    return partial(seconds_of, {"train": step.train, "infer": step.infer}[kind], settings.device)


def batch_of(graph: Graph, device: str, batch: int) -> tuple[Tensor, Tensor]:
    """Return standard normal images, and labels that cycle through the classes."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch, *graph.input.output, generator=generator).to(device)
    return images, made_up_labels(graph, batch).to(device)
