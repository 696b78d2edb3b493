"""Comparing generated programs with the trainer, step by step, in several processes."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from programs import import_program, network_class, optimiser_class
from ranks import call_on_ranks
from torch import Tensor

from netspec import backend
from netspec.ir.graph import Graph
from netspec.passes.label_grid import label_sizes
from netspec.passes.placing import SplitWord, arrange
from netspec.passes.score_grid import UNLABELLED
from netspec.train.learning.ema import Average
from netspec.train.learning.objective import Objective
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.learning.rates import scales
from netspec.train.learning.schedule import Moment, Watch
from netspec.train.learning.task import task_of
from netspec.train.learning.validation import evaluate
from netspec.train.processes.distributed import distribute

SEED = 11
STEPS = 3

CROSSINGS = """
net crossings
gpus 2
default conv  init=gaussian(0.3)  kernel=3
[image] input 3x12x12
[left] conv filters=4 neuron=relu
[right] conv filters=4 inputs=image neuron=tanh
[both] concat inputs=left,right
[across] lrn size=3 k=2 alpha=0.1 beta=0.75 reads=all
[again] relu gpu=all
[more] conv filters=8 inputs=across pad=1 reads=all
[sum] sum inputs=again,more
[local] local filters=4 kernel=3
[own] fc outputs=8 init=gaussian(0.2)
[all] fc outputs=8 inputs=local reads=all init=gaussian(0.2)
[one] fc outputs=6 inputs=own,all init=gaussian(0.2) reads=all
[prob] softmax
"""
"""Every transfer between groups except the one to the first."""


@dataclass(frozen=True)
class Trial:
    """A network, its program's file, how the trainer splits it, and the number of images per step."""

    name: str
    graph: Graph
    path: Path
    split: SplitWord
    batch: int


def assert_same_steps(trials: Sequence[Trial], processes: int) -> None:
    """Check that in every process the program and the trainer agree to the last bit."""
    call_on_ranks(processes, _assert_all, list(trials), processes)


def _assert_all(trials: list[Trial], processes: int) -> None:
    """Compare all trials; called in each process."""
    for trial in trials:
        _assert_same_steps(trial, dist.get_rank(), processes)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _assert_same_steps(trial: Trial, rank: int, processes: int) -> None:
    graph = trial.graph
    objective = distribute(_undivided(graph), arrange(graph, processes, trial.split))
    optimiser = optimiser_of(graph, objective.module, devices=objective.devices)
    average = Average(objective.module, graph.train.ema)

    program: Any = import_program(trial.path)
    world = program.World(rank, processes)
    model = _with_world(network_class(program), world)
    _with_world(program.initialise, world, model, SEED)
    if hasattr(program, "share_batch_norms"):
        program.share_batch_norms(model, world)
    if graph.train.channels_last:
        model.to(memory_format=torch.channels_last)
    update_rule = _with_world(optimiser_class(program), world, model)
    program_average = program.Average(model) if graph.train.ema else None

    generator = torch.Generator().manual_seed(1)
    for step in range(STEPS):
        images = torch.randn(trial.batch, *graph.input.output, generator=generator)
        labels = _labels(graph, trial.batch, generator)
        optimiser.zero_grad()
        model.zero_grad()
        objective.module.train()
        model.train()
        now = Moment(step, STEPS, step, 1)
        optimiser.scales = scales(graph.train, optimiser.groups, now, Watch(), SEED)
        share = images[objective.training_rows(trial.batch)]
        expected = objective.gradients(share, labels, SEED, step, optimiser.step)
        arguments = _update_arguments(program, update_rule, step)
        update = partial(update_rule.step, program.rate_factor(step, step / STEPS), *arguments)
        takes = inspect.signature(program.add_gradients).parameters
        more = [value for name, value in (("seed_and_step", (SEED, step)), ("update", update)) if name in takes]
        actual = program.add_gradients(model, images, labels, *more, world=world)
        if "update" not in takes:
            update()
        assert torch.equal(actual, expected), (trial.name, step, actual, expected)
        _assert_equal(trial.name, model.state_dict(), objective.module.state_dict())
        if program_average is not None:
            average.update()
            program_average.update(model)
            _assert_equal(trial.name, program_average.tensors, average.state_dict()["weights"])

    weights = objective.full_tensors(objective.module.state_dict(), objective.names)
    state = program.whole_state(model, world) if hasattr(program, "whole_state") else model.state_dict()
    if rank == 0:
        assert list(state) == list(objective.names)
        _assert_equal(trial.name, state, weights)
    whole = _undivided(graph)
    whole.module.load_state_dict(weights)
    task = task_of(graph, range(graph.scores.output.channels))  # type: ignore[arg-type]
    validation = evaluate(whole, [(images, labels)], totals_of=task.totals)
    assert validation is not None
    actual = program.evaluate(model, [(images.unsqueeze(1), labels)], world)
    tolerance = 1e-2 if graph.train.precision == "bf16" else 1e-5  # the order of sums differs
    expected = validation.loss, *list(validation.metrics.values())[:2]
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=0.0)


def _labels(graph: Graph, images: int, generator: torch.Generator) -> Tensor:
    """Return the classes of some images, or of the pixels of their masks, a part of which is unlabelled: one image's
    more than the other's."""
    scores = graph.scores.output
    if not graph.is_dense:
        return torch.randint(scores.units, (images,), generator=generator)
    labels = torch.randint(scores.channels, (images, *label_sizes(graph)), generator=generator).byte()
    unlabelled = torch.rand(labels.shape, generator=generator) < torch.linspace(0, 1, images)[:, None, None]
    return labels.masked_fill(unlabelled, UNLABELLED)


def _update_arguments(program: Any, update_rule: Any, step: int) -> Iterator[Any]:
    """Yield the arguments of the program's update that follow the rate factor; an epoch has one step."""
    takes = inspect.signature(update_rule.step).parameters
    if "own" in takes:
        yield {name: rate(step, step / STEPS) for name, rate in program.RATE_FACTORS.items()}
    if "seed" in takes:
        yield from (SEED, step)


def _undivided(graph: Graph) -> Objective:
    return Objective(graph, backend.load("pytorch").module(graph, SEED))


def _with_world(function: Any, world: Any, *arguments: Any) -> Any:
    """Call a function of the program, with the world if it takes one."""
    takes = "world" in inspect.signature(function).parameters
    return function(*arguments, *((world,) if takes else ()))


def _assert_equal(name: str, actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert set(actual) == set(expected), (name, set(actual) ^ set(expected))
    assert [key for key in expected if not torch.equal(actual[key], expected[key])] == [], name
