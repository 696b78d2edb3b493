"""A training on one device or on several: in this process, or in one for each device."""

from __future__ import annotations

import dataclasses
import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from netspec.diagnostics import SpecError
from netspec.net import Net, load
from netspec.passes.placing import ArrangementError, arrange
from netspec.train import run
from netspec.train.config import Request
from netspec.train.errors import RequestError, TrainError
from netspec.train.memory import memory_told
from netspec.train.processes.crew import Crew, enlisted, is_lost
from netspec.train.processes.launching import launch, report_code, report_error, report_process
from netspec.train.processes.shared import need_shares
from netspec.train.reporting.console import Quiet, Reporter, reporter
from netspec.train.runs.runfolder import SPEC, read_facts
from netspec.units import plural

SMALLER = (
    "fewer images at a time need less: train accumulate=2 takes the same batch in two parts, --batch a smaller one;",
    "netspec plan FILE --batch N says what a step needs",
)


def run_alone_or_together(
    net: Net | None, file: str | None, resume: Path | None, request: Request, *, quiet: bool, arguments: Sequence[str]
) -> run.Result | int:
    """Train as ``run.train`` and ``run.resume`` do. Where several devices are asked for, start a process for each with
    the same command line, ``arguments``, and return their exit code; in such a process, be one of them.

    Raises what those raise, and ``RequestError`` for devices that are not there or cannot share the network.
    """
    then = _settings_of(resume) if resume is not None else {}
    gpus = request.gpus or then.get("gpus", 1)
    if "WORLD_SIZE" in os.environ and "RANK" in os.environ:
        return _be_one_of_them(net, file, resume, request, quiet)
    if gpus == 1:
        return _train(net, file, resume, request, reporter(quiet=quiet), Crew())
    _need(net if net is not None or resume is None else _net_of(resume), request, then, gpus)
    if file == "-":
        raise RequestError("several processes cannot all read the spec from standard input", "give its file's name")
    ended = launch(arguments, gpus)
    for line in ended.lines:
        print(line, file=sys.stderr)
    return ended.code


def _be_one_of_them(
    net: Net | None, file: str | None, resume: Path | None, request: Request, quiet: bool
) -> run.Result | int:
    size, rank = int(os.environ["WORLD_SIZE"]), int(os.environ["RANK"])
    report_process(rank)
    try:
        if request.gpus not in (None, size):
            raise RequestError(f"--gpus {request.gpus}, and there are {size} processes")
        device = request.device or ("cuda" if torch.cuda.is_available() else "cpu")
        with enlisted(device) as crew:
            teller = reporter(quiet=quiet) if crew.leads else Quiet(Console(file=io.StringIO()))
            result = _train(net, file, resume, dataclasses.replace(request, gpus=size, device=device), teller, crew)
    except TrainError as problem:
        if report_error(problem, rank):
            return problem.exit_code
        raise
    except RuntimeError as problem:
        if not is_lost(problem):
            raise
        lost = TrainError(f"process {rank} has lost the others: one of them has ended", str(problem).splitlines()[0])
        if report_error(lost, rank, lost=True):
            return lost.exit_code
        raise lost from problem
    if result.signal is not None and result.state == "interrupted" and rank == 0:
        report_code(128 + result.signal)
    return result if rank == 0 else 0


def _train(
    net: Net | None, file: str | None, resume: Path | None, request: Request, teller: Reporter, crew: Crew
) -> run.Result:
    try:
        with memory_told(*SMALLER):
            if resume is not None:
                return run.resume(resume, net, request, teller, crew)
            assert net is not None and file is not None
            return run.train(net.graph, net.source.text, _stem(file), request, teller, crew)
    except ArrangementError as problem:
        raise RequestError(problem.message, *problem.notes) from problem


def _need(net: Net | None, request: Request, then: Mapping[str, Any], gpus: int) -> None:
    """Raise ``RequestError`` for what can be seen before a process is started. ``then`` are a run's own settings."""
    if net is not None:
        train = net.graph.train
        try:
            arrangement = arrange(net.graph, gpus, request.split or then.get("split"))
        except ArrangementError as problem:
            raise RequestError(problem.message, *problem.notes) from problem
        need_shares(arrangement, request.batch or then.get("batch", train.batch), train.accumulate)
    device = request.device or then.get("device") or ("cuda" if torch.cuda.is_available() else "cpu")
    there = torch.cuda.device_count()
    if device == "cuda" and there < gpus:
        raise RequestError(
            f"{plural(gpus, 'GPU')} asked for, and there {'is' if there == 1 else 'are'} {there}",
            "processes on the CPU compute the same, and slowly: --device cpu",
        )


def _settings_of(folder: Path) -> dict[str, Any]:
    """Those of a run that say how devices share it, as far as they can be read; what is wrong with it is told later."""
    facts, kinds = read_facts(folder), {"gpus": int, "split": str, "batch": int, "device": str}
    return {key: facts[key] for key, kind in kinds.items() if isinstance(facts.get(key), kind)}


def _net_of(folder: Path) -> Net | None:
    """A run's network, if it can be read."""
    try:
        return load(folder / SPEC)
    except SpecError:
        return None


def _stem(file: str) -> str:
    return "net" if file == "-" else Path(file).stem
