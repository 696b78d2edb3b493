"""Training steps in several arrangements of devices, compared with the same steps on one.

All start from the same weights, get the same images and the same dropout; what they make may differ by rounding alone.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from multiprocessing import forkserver
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from netspec import backend
from netspec.ir.graph import Graph
from netspec.parallel import shares
from netspec.parallel.gradients import Gradients
from netspec.parallel.network import PlacedNetwork
from netspec.parallel.team import join
from netspec.passes.dependence import trained
from netspec.passes.parts import Gathered
from netspec.passes.placing import Arrangement, place
from netspec.passes.torch_names import attributes, state_key
from netspec.train.errors import RequestError, TrainError
from netspec.train.learning.objective import Objective
from netspec.train.learning.optimiser import optimiser_of, velocities
from netspec.train.processes.crew import parting
from netspec.train.processes.shared import SharedObjective
from netspec.train.tensors.fitting import fit
from netspec.train.tensors.weights import Weights
from netspec.units import plural

Number = Literal["float64", "float32"]

TOLERANCES: dict[Number, float] = {"float64": 1e-10, "float32": 1e-3}
"""The largest difference that passes, relative to the largest number of its tensor. In float32 rounding alone makes
differences of some 1e-6, and where it turns which of two pixels is the maximum, more."""

LEAST: dict[Number, float] = {"float64": 1e-4, "float32": 1e-2}
"""The smallest scale of a tensor, relative to the largest number of all tensors of its kind. What is 0 but for
rounding, as the gradient of a bias before a batch normalisation, is not measured by that rounding."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is run in every arrangement: ``batch`` images for ``steps`` steps, all from one seed."""

    batch: int
    steps: int
    seed: int
    number: Number
    device: Literal["cpu", "cuda"]

    @property
    def dtype(self) -> torch.dtype:
        """torch's word for the numbers that are computed in."""
        dtype: torch.dtype = getattr(torch, self.number)
        return dtype


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest relative differences of an arrangement from one device: of the losses of all steps, of the gradients
    of the first, of weights, velocities and statistics after the first and after the last; and where the last is."""

    loss: float
    gradients: float
    weights_first: float
    weights_last: float
    where: str

    @property
    def largest(self) -> float:
        return max(self.loss, self.gradients, self.weights_first, self.weights_last)


VELOCITY = "velocity of "

Record = dict[str, Any]
"""``losses``, and by their names ``gradients``, ``first`` and ``last`` (weights, statistics and velocities)."""


def compare(
    graph: Graph, arrangements: Sequence[Arrangement], trial: Trial, start: Mapping[str, Tensor]
) -> Iterator[tuple[Arrangement, Difference]]:
    """Each arrangement's difference from the module on one device, as it is found. All begin as ``start`` says.

    Raises ``TrainError`` where a process fails.
    """
    wanted = alone(graph, trial, start)
    for arrangement in arrangements:
        yield arrangement, difference(wanted, together(graph, arrangement, trial, start), trial.number)


def beginning(
    graph: Graph, trial: Trial, weights: Weights | None = None, fresh: Sequence[str] = ()
) -> dict[str, Tensor]:
    """The whole network's ``state_dict`` before the first step: as ``weights`` has it, but for the layers in ``fresh``;
    without, as the trial's seed draws it.

    Raises ``TrainError`` where the weights do not fit the network.
    """
    module: nn.Module = backend.load("pytorch").module(graph, trial.seed)
    if weights is not None:
        fit(graph, module, weights, fresh)
    return module.state_dict()


def need_devices(arrangements: Sequence[Arrangement], trial: Trial) -> None:
    """Raise ``RequestError`` where there are fewer CUDA devices than an arrangement needs."""
    most = max(arrangement.devices for arrangement in arrangements)
    if trial.device == "cuda" and torch.cuda.device_count() < most:
        raise RequestError(
            f"{most} CUDA devices are asked for, and there are {torch.cuda.device_count()}",
            "processes on the CPU compute the same: --device cpu",
        )


def alone(graph: Graph, trial: Trial, start: Mapping[str, Tensor]) -> Record:
    """The steps of the ordinary module on one device."""
    with _in_full():
        model = backend.load("pytorch").module(graph, trial.seed)
        model.load_state_dict(start)
        model.to(dtype=trial.dtype).to(trial.device).train()
        return _taken(Objective(graph, model), trial)


def together(graph: Graph, arrangement: Arrangement, trial: Trial, start: Mapping[str, Tensor]) -> Record:
    """The same steps in as many processes as the arrangement has devices.

    Raises
    ------
    TrainError
        One of them failed; the others are ended.
    """
    devices = arrangement.devices
    # A server that has imported this module once makes the processes from then on, where there can be one.
    method = "forkserver" if sys.platform != "win32" else "spawn"
    if method == "forkserver":
        _start_server()
    logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)  # whom it ends is its own affair
    with TemporaryDirectory(prefix="netspec-verify-") as folder:
        torch.save(dict(start), Path(folder, _START))
        arguments = (graph, arrangement, trial, max(1, torch.get_num_threads() // devices), folder)
        try:
            mp.start_processes(_member, arguments, devices, daemon=True, start_method=method)  # type: ignore[attr-defined,no-untyped-call]
        except (ProcessRaisedException, ProcessExitedException) as problem:
            why = str(problem).strip().splitlines()[-1]
            who = f"process {problem.error_index} of {plural(devices, 'device')}, split by {arrangement.split}"
            raise TrainError(f"{who}, failed", why) from problem
        record: Record = torch.load(Path(folder, _RECORD), weights_only=True)
    return record


def _start_server() -> None:
    """Start the server that makes the processes, once. A terminal sends Ctrl-C to all of them. It is for this process
    alone, which ends the others; a server that is still importing would answer it with a traceback."""
    multiprocessing.set_forkserver_preload([__name__])
    if threading.current_thread() is not threading.main_thread():
        forkserver.ensure_running()
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the server inherits
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, handler)


def _in_full() -> AbstractContextManager[None]:
    """Convolutions of float32 on CUDA that are of float32: by themselves they round their factors to TF32's 11 bits."""
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


def difference(wanted: Record, found: Record, number: Number) -> Difference:
    """How far what was ``found`` is from what was ``wanted``, both computed in ``number``."""
    pairs = zip(wanted["losses"], found["losses"], strict=True)
    first, _ = _apart(wanted["first"], found["first"], LEAST[number])
    last, where = _apart(wanted["last"], found["last"], LEAST[number])
    gradients, _ = _apart(wanted["gradients"], found["gradients"], LEAST[number])
    return Difference(max(abs(a - b) / max(abs(a), 1e-300) for a, b in pairs), gradients, first, last, where)


def batch(graph: Graph, trial: Trial) -> tuple[Tensor, Tensor]:
    """The trial's images (standard normal) and labels, on its device: the same in every process."""
    generator = torch.Generator().manual_seed(trial.seed)
    images = torch.randn(trial.batch, *graph.input.output, generator=generator, dtype=torch.float64)
    labels = torch.randint(graph.scores.output.units, (trial.batch,), generator=generator)
    return images.to(trial.dtype).to(trial.device), labels.to(trial.device)


_START, _RECORD, _MEETING = "start.pt", "record.pt", "meeting"


def _member(rank: int, graph: Graph, arrangement: Arrangement, trial: Trial, threads: int, folder: str) -> None:
    """One process of an arrangement; the first writes the record."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the one that started this, and that ends this
    torch.set_num_threads(threads)
    device = torch.device(trial.device, rank) if trial.device == "cuda" else torch.device("cpu")
    if trial.device == "cuda":
        torch.cuda.set_device(device)
    start = torch.load(Path(folder, _START), weights_only=True, mmap=True)
    dist.init_process_group(
        "nccl" if trial.device == "cuda" else "gloo",
        init_method=Path(folder, _MEETING).as_uri(),
        rank=rank,
        world_size=arrangement.devices,
    )
    with parting(trial.device), _in_full():
        record = steps(PlacedNetwork(place(graph, arrangement), join(arrangement, device)), trial, start)
        if rank == 0:
            torch.save(record, Path(folder, _RECORD))
        dist.barrier(device_ids=[rank] if trial.device == "cuda" else None)


def steps(network: PlacedNetwork, trial: Trial, start: Mapping[str, Tensor]) -> Record:
    """The trial's steps in this process of an arrangement, from the whole network's ``state_dict``."""
    graph = network.placed.graph
    names = attributes(graph)
    learnt = tuple(dict.fromkeys(state_key(parameter, names) for parameter in graph.parameters.values()))
    shares.give(network, start)
    network.module.to(dtype=trial.dtype).to(network.team.device).train()
    empty = {
        key: torch.empty(x.shape, dtype=trial.dtype if x.is_floating_point() else x.dtype, device="meta")
        for key, x in start.items()
    }
    objective = SharedObjective(graph, network.module, network, Gradients(network), empty, learnt)
    return _taken(objective, trial)


def _taken(objective: Objective, trial: Trial) -> Record:
    """The trial's steps as training takes them, in full precision, with all that they leave."""
    full = replace(objective.graph.train, precision="fp32", channels_last=False)
    objective = replace(objective, graph=replace(objective.graph, train=full))
    optimiser = optimiser_of(objective.graph, objective.module)
    images, labels = batch(objective.graph, trial)
    mine = images[torch.from_numpy(objective.trained_part(trial.batch)).to(images.device)]
    record: Record = {"losses": []}
    names = attributes(objective.graph)
    learnt = tuple(dict.fromkeys(state_key(parameter, names) for parameter in trained(objective.graph)))

    def whole(own: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        return {name: x.detach().cpu().clone() for name, x in objective.whole(own, names).items()}

    def update(gathered: Gathered) -> None:
        if "gradients" not in record and gathered.done == len(gathered.sizes):
            own = {name: p.grad for name, p in objective.module.named_parameters() if p.grad is not None}
            record["gradients"] = whole(own, learnt)
        optimiser.step(gathered)

    for step in range(trial.steps):
        optimiser.zero_grad()
        record["losses"].append(float(objective.gradients(mine, labels, trial.seed, step, update)))
        if step in (0, trial.steps - 1):
            moved = whole(velocities(objective.module, optimiser), list(record["gradients"]))
            state = whole(objective.module.state_dict(), objective.names)
            record["first" if step == 0 else "last"] = state | {VELOCITY + name: v for name, v in moved.items()}
    record.setdefault("last", record["first"])
    return record


def _apart(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], least: float) -> tuple[float, str]:
    """The largest difference of two sets of tensors, relative to the scale of its tensor, and whose it is.

    A tensor's scale is its largest number, but at least ``least`` times the largest of its kind: velocities, or others.
    """
    if set(wanted) != set(found):
        odd = sorted(set(wanted) ^ set(found))[0]
        return float("inf"), odd
    largest = {key: float(a.abs().max()) if a.numel() else 0.0 for key, a in wanted.items()}
    kinds = {kind: max((x for key, x in largest.items() if key.startswith(VELOCITY) == kind), default=0.0)
             for kind in (True, False)}  # fmt: skip
    worst, where = 0.0, ""
    for key, a in wanted.items():
        scale = max(largest[key], least * kinds[key.startswith(VELOCITY)])
        gap = float((a.double() - found[key].double()).abs().max()) if a.numel() else 0.0
        apart = gap / scale if scale else gap
        if not apart <= worst:  # also where it is no number
            worst, where = apart, key
    return worst, where
