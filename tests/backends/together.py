"""Generated programs and the trainer in several processes of this machine, step by step beside each other."""

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
from crews import together
from programs import imported, network
from torch import Tensor

from netspec import backend
from netspec.ir.graph import Graph
from netspec.passes.placing import SplitWord, arrange
from netspec.train.learning.ema import Average
from netspec.train.learning.objective import Objective
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.learning.rates import scales
from netspec.train.learning.schedule import Moment, Watch
from netspec.train.learning.validation import evaluate
from netspec.train.processes.shared import share_out

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
"""Every transfer between groups but the one to the first."""


@dataclass(frozen=True)
class Trial:
    """A network, its program's file, how the trainer splits it, and how many images are trained on."""

    name: str
    graph: Graph
    path: Path
    split: SplitWord
    batch: int


def compare(trials: Sequence[Trial], processes: int) -> None:
    """Raise if in one of the processes the program and the trainer differ in a bit, or a process fails."""
    together(processes, _compare_all, list(trials), processes)


def _compare_all(trials: list[Trial], processes: int) -> None:
    """In one of the processes."""
    for trial in trials:
        _compare(trial, dist.get_rank(), processes)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _compare(trial: Trial, rank: int, processes: int) -> None:
    graph = trial.graph
    objective = share_out(_whole(graph), arrange(graph, processes, trial.split))
    optimiser, average = optimiser_of(graph, objective.module), Average(objective.module, graph.train.ema)

    program: Any = imported(trial.path)
    team = program.Team(rank, processes)
    model = _with_team(network(program), team)
    _with_team(program.initialise, team, model, SEED)
    if graph.train.channels_last:
        model.to(memory_format=torch.channels_last)
    sgd = program.SGD(model)
    moving = program.Average(model) if graph.train.ema else None

    generator = torch.Generator().manual_seed(1)
    for step in range(STEPS):
        images = torch.randn(trial.batch, *graph.input.output, generator=generator)
        labels = torch.randint(graph.scores.output.units, (trial.batch,), generator=generator)
        optimiser.zero_grad()
        model.zero_grad()
        objective.module.train()
        model.train()
        now = Moment(step, STEPS, step, 1)
        optimiser.scales = scales(graph.train, optimiser.groups, now, Watch(), SEED)
        own = images[objective.trained_part(trial.batch)]
        wanted = objective.gradients(own, labels, SEED, step, optimiser.step)
        move = partial(sgd.step, program.rate_factor(step, step / STEPS), *_more(program, sgd, step))
        given = inspect.signature(program.add_gradients).parameters
        more = [value for name, value in (("drawn", (SEED, step)), ("update", move)) if name in given]
        found = program.add_gradients(model, images, labels, *more, team=team)
        if "update" not in given:
            move()
        assert torch.equal(found, wanted), (trial.name, step, found, wanted)
        _same(trial.name, model.state_dict(), objective.module.state_dict())
        if moving is not None:
            average.update()
            moving.update(model)
            _same(trial.name, moving.tensors, average.state_dict()["weights"])

    own = objective.whole(objective.module.state_dict(), objective.names)
    state = program.whole_state(model, team) if hasattr(program, "whole_state") else model.state_dict()
    if rank == 0:
        assert list(state) == list(objective.names)
        _same(trial.name, state, own)
    whole = _whole(graph)
    whole.module.load_state_dict(own)
    judged = evaluate(whole, [(images, labels)])
    assert judged is not None
    found = program.evaluate(model, [(images.unsqueeze(1), labels)], "cpu", team)
    near = 1e-2 if graph.train.precision == "bf16" else 1e-5  # they add up in another order
    torch.testing.assert_close(found, (judged.loss, judged.top1, judged.top5), rtol=near, atol=0.0)


def _more(program: Any, sgd: Any, step: int) -> Iterator[Any]:
    """What the program's update wants beside the train line's factor, an epoch being a step."""
    wanted = inspect.signature(sgd.step).parameters
    if "own" in wanted:
        yield {name: rate(step, step / STEPS) for name, rate in program.RATE_FACTORS.items()}
    if "seed" in wanted:
        yield from (SEED, step)


def _whole(graph: Graph) -> Objective:
    return Objective(graph, backend.load("pytorch").module(graph, SEED))


def _with_team(function: Any, team: Any, *arguments: Any) -> Any:
    """A call with the team, where the program's function takes one."""
    takes = "team" in inspect.signature(function).parameters
    return function(*arguments, *((team,) if takes else ()))


def _same(name: str, found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert set(found) == set(wanted), (name, set(found) ^ set(wanted))
    assert [key for key in wanted if not torch.equal(found[key], wanted[key])] == [], name
