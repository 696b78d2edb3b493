"""Training on one device in this process, or on several devices with a process for each."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from netspec.diagnostics import SpecError
from netspec.formatting import plural
from netspec.net import Net, load
from netspec.train import run
from netspec.train.config import Request, device_for
from netspec.train.errors import RequestError, TrainError
from netspec.train.memory import memory_errors
from netspec.train.processes.distributed import sharing_arrangement
from netspec.train.processes.launching import launch, report_code, report_error, report_process
from netspec.train.processes.world import ON_THE_CPU, World, communication_error, join_world
from netspec.train.reporting.console import Reporter, make_reporter
from netspec.train.runs.runfolder import SPEC, read_facts

SMALLER = (
    "fewer images at a time need less: train accumulate=2 takes the same batch in two parts, --batch a smaller one;",
    "netspec plan FILE --batch N says what a step needs",
)


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """The training that the command line asks for.

    Without ``resume``, a new training of ``net``, which was read from ``file``. With ``resume``, the run in that folder
    is resumed; if ``net`` is also given, it must be the network of the run.
    """

    net: Net | None
    file: str | None
    resume: Path | None
    request: Request


def train_on_devices(job: TrainingJob, *, quiet: bool, arguments: Sequence[str]) -> run.Result | int:
    """Train or resume on as many devices as requested.

    On one device, train in this process and return the result. On several, start a process for each device with the
    same command line (``arguments``), and return their exit code. In a process that was started this way, or by
    torchrun, train as one of the processes.

    Raises the errors of ``run.train`` and ``run.resume``, and ``RequestError`` if the devices do not exist or cannot
    share the network.
    """
    run_settings = _settings_of(job.resume) if job.resume is not None else {}
    gpus = job.request.gpus or run_settings.get("gpus", 1)
    if "WORLD_SIZE" in os.environ and "RANK" in os.environ:
        return _train_as_rank(job, quiet)
    if gpus == 1:
        return _train(job, make_reporter(quiet=quiet), World())
    net = _net_of(job.resume) if job.net is None and job.resume is not None else job.net
    _check_devices(net, job.request, run_settings, gpus)
    if job.file == "-":
        raise RequestError("several processes cannot all read the spec from standard input", "give its file's name")
    ended = launch(arguments, gpus)
    for line in ended.lines:
        print(line, file=sys.stderr)
    return ended.code


def _train_as_rank(job: TrainingJob, quiet: bool) -> run.Result | int:
    """Train in one of several processes. The main process returns the result, or an exit code after an error; the
    others always return an exit code."""
    request = job.request
    size, rank = int(os.environ["WORLD_SIZE"]), int(os.environ["RANK"])
    report_process(rank)
    try:
        if request.gpus not in (None, size):
            raise RequestError(f"--gpus is {request.gpus}, but {size} processes were started")
        device = request.device or device_for(None)
        with join_world(device, size) as world:
            reporter = make_reporter(quiet=quiet) if world.is_main else Reporter(Console(file=io.StringIO()))
            world_request = replace(request, gpus=size, device=device)
            result = _train(replace(job, request=world_request), reporter, world)
    except TrainError as problem:
        if report_error(problem, rank):
            return problem.exit_code
        raise
    except RuntimeError as problem:
        lost = communication_error(problem, rank)
        if lost is None:
            raise
        if report_error(lost, rank, lost=True):
            return lost.exit_code
        raise lost from problem
    if result.signal is not None and result.state == "interrupted" and rank == 0:
        report_code(128 + result.signal)
    return result if rank == 0 else 0


def _train(job: TrainingJob, reporter: Reporter, world: World) -> run.Result:
    net, file = job.net, job.file
    with memory_errors(*SMALLER):
        if job.resume is not None:
            return run.resume(job.resume, net, job.request, reporter, world)
        assert net is not None and file is not None
        # standard input has no name, and a run's spec.net has that of any run
        name = net.name if file == "-" or Path(file).name == SPEC else Path(file).stem
        return run.train(net, name, job.request, reporter, world)


def _check_devices(net: Net | None, request: Request, run_settings: Mapping[str, Any], gpus: int) -> None:
    """Raise ``RequestError`` for problems that are known before any process is started.

    ``run_settings`` are the settings of the run that is resumed.
    """
    if net is not None:
        batch = request.batch or run_settings.get("batch", net.graph.train.batch)
        sharing_arrangement(net.graph, gpus, request.split or run_settings.get("split"), batch)
    device = request.device or run_settings.get("device") or device_for(None)
    available = torch.cuda.device_count()
    if device == "cuda" and available < gpus:
        raise RequestError(
            f"{plural(gpus, 'GPU')} requested, but this machine has {available}",
            ON_THE_CPU,
        )


def _settings_of(folder: Path) -> dict[str, Any]:
    """Return a run's settings about devices, as far as they can be read. Problems of the run are reported later."""
    facts, kinds = read_facts(folder), {"gpus": int, "split": str, "batch": int, "device": str}
    return {key: facts[key] for key, kind in kinds.items() if isinstance(facts.get(key), kind)}


def _net_of(folder: Path) -> Net | None:
    """Return a run's network; ``None`` if its spec cannot be read."""
    try:
        return load(folder / SPEC)
    except SpecError:
        return None
