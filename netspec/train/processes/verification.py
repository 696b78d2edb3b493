"""Verification: training steps on several arrangements of devices, compared with the same steps on one device.

All use the same initial weights, the same images and the same dropout, so results may differ only by rounding.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import forkserver
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from netspec import backend
from netspec.formatting import plural
from netspec.ir.graph import Graph
from netspec.ir.rules import AdaGrad, RmsProp, Sgd
from netspec.ir.settings import Train
from netspec.parallel.mesh import join_mesh
from netspec.parallel.network import PlacedNetwork
from netspec.passes.accumulation import BatchProgress
from netspec.passes.dependence import trained_parameters
from netspec.passes.label_grid import label_sizes
from netspec.passes.placing import Arrangement, place_on_devices
from netspec.passes.score_grid import UNLABELLED
from netspec.passes.torch_names import state_keys
from netspec.train.data.batches.mixing import mixed, rows_to_read
from netspec.train.errors import RequestError, TrainError
from netspec.train.learning.objective import Objective
from netspec.train.learning.optimiser import optimiser_of, state_names, state_of
from netspec.train.learning.torch_settings import matrix_products
from netspec.train.processes.differences import TOLERANCES, Comparison, Kind, Number, Record, difference
from netspec.train.processes.distributed import with_values
from netspec.train.processes.world import leave_distributed
from netspec.train.tensors.fitting import fit
from netspec.train.tensors.weights import Weights

MIN_EPS = 1e-3
"""The smallest ``eps`` of a rule in a trial. All rules but ``sgd`` divide each gradient by its own size, so that a
gradient that is zero up to rounding (see ``MIN_SCALE``) would move its weight up to 1 / eps times as far as the
rounding."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The steps to run in each arrangement: ``steps`` training steps of ``batch`` images, all from one seed."""

    batch: int
    steps: int
    seed: int
    number: Number
    device: Literal["cpu", "cuda"]

    @property
    def dtype(self) -> torch.dtype:
        """The torch dtype of the computation."""
        dtype: torch.dtype = getattr(torch, self.number)
        return dtype


def compare(
    graph: Graph, arrangements: Sequence[Arrangement], trial: Trial, start: Mapping[str, Tensor]
) -> Iterator[tuple[Arrangement, Comparison]]:
    """Yield each arrangement with its comparison with one device. ``start`` is the ``state_dict`` to start from.

    What a rounding unit changes is computed when an arrangement first differs by more than the tolerance.

    Raises ``TrainError`` if a process fails.
    """
    expected = run_on_one_device(graph, trial, start)
    rounding = None
    for arrangement in arrangements:
        found = difference(expected, run_on_devices(graph, arrangement, trial, start), trial.number)
        if rounding is None and not found.largest <= TOLERANCES[trial.number]:
            again = run_on_one_device(graph, trial, start, off_by_a_unit=True)
            rounding = difference(expected, again, trial.number).largest
        yield arrangement, Comparison(found, trial.number, rounding)


def initial_state(
    graph: Graph, trial: Trial, weights: Weights | None = None, fresh: Sequence[str] = ()
) -> dict[str, Tensor]:
    """Return the whole network's ``state_dict`` before the first step.

    It is drawn from the trial's seed and then, if ``weights`` are given, taken from them except for the layers in
    ``fresh``. Raises ``TrainError`` if the weights do not fit the network.
    """
    module: nn.Module = backend.load("pytorch").module(graph, trial.seed)
    if weights is not None:
        fit(graph, module, weights, fresh)
    return module.state_dict()


def require_devices(arrangements: Sequence[Arrangement], trial: Trial) -> None:
    """Raise ``RequestError`` if an arrangement needs more CUDA devices than there are."""
    most = max(arrangement.devices for arrangement in arrangements)
    if trial.device == "cuda" and torch.cuda.device_count() < most:
        raise RequestError(
            f"{most} CUDA devices requested, but this machine has {torch.cuda.device_count()}",
            "processes on the CPU compute the same: --device cpu",
        )


def run_on_one_device(
    graph: Graph, trial: Trial, start: Mapping[str, Tensor], *, off_by_a_unit: bool = False
) -> Record:
    """Run the trial with the ordinary module on one device, optionally with each weight off by one rounding unit."""
    with _without_tf32():
        model = backend.load("pytorch").module(graph, trial.seed)
        model.load_state_dict(start)
        model.to(dtype=trial.dtype)
        if off_by_a_unit:
            _change_by_a_unit(model, trial)
        return _record_steps(Objective(graph, model.to(trial.device).train()), trial)


def _change_by_a_unit(model: nn.Module, trial: Trial) -> None:
    """Make each weight larger or smaller by one rounding unit (machine epsilon, relative), by the trial's seed."""
    generator = torch.Generator().manual_seed(trial.seed)
    with torch.no_grad():
        for parameter in model.parameters():
            sign = 2 * torch.randint(2, parameter.shape, generator=generator) - 1
            parameter.mul_(1 + torch.finfo(trial.dtype).eps * sign.to(trial.dtype))


def run_on_devices(graph: Graph, arrangement: Arrangement, trial: Trial, start: Mapping[str, Tensor]) -> Record:
    """Run the trial in as many processes as the arrangement has devices.

    Raises
    ------
    TrainError
        One of the processes failed; the others have been ended.
    """
    devices = arrangement.devices
    # Where possible, fork the processes from a server that has imported this module once.
    method = "forkserver" if sys.platform != "win32" else "spawn"
    if method == "forkserver":
        _start_server()
    logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)  # it would log each process that it ends
    with TemporaryDirectory(prefix="netspec-verify-") as folder:
        torch.save(dict(start), Path(folder, _START))
        arguments = (graph, arrangement, trial, max(1, torch.get_num_threads() // devices), folder)
        try:
            mp.start_processes(_worker, arguments, devices, daemon=True, start_method=method)  # type: ignore[attr-defined,no-untyped-call]
        except (ProcessRaisedException, ProcessExitedException) as problem:
            reason = str(problem).strip().splitlines()[-1]
            subject = f"process {problem.error_index} of {plural(devices, 'device')}, split by {arrangement.split}"
            raise TrainError(f"{subject}, failed", reason) from problem
        record: Record = torch.load(Path(folder, _RECORD), weights_only=True)
    return record


def _start_server() -> None:
    """Start the fork server, if it is not running, so that it ignores Ctrl-C.

    A terminal sends Ctrl-C to the server and the workers as well. Only this process should handle it, and end the
    others; a server that is still importing would print a traceback.
    """
    multiprocessing.set_forkserver_preload([__name__])
    if threading.current_thread() is not threading.main_thread():
        forkserver.ensure_running()
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited by the server
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def _without_tf32() -> Iterator[None]:
    """Compute float32 convolutions and matrix products on CUDA in full precision. By default cuDNN rounds to TF32."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False), matrix_products(in_tf32=False):
        yield


def batch(graph: Graph, trial: Trial) -> tuple[Tensor, Tensor]:
    """Return the trial's images (standard normal) and labels on its device, the same in every process.

    A third of the pixels of a dense network's masks is unlabelled, and all of one image, so that the parts of a batch
    differ in what counts.
    """
    generator = torch.Generator().manual_seed(trial.seed)
    images = torch.randn(trial.batch, *graph.input.output, generator=generator, dtype=torch.float64)
    classes = graph.scores.output.channels
    if graph.is_dense:
        labels = torch.randint(classes, (trial.batch, *label_sizes(graph)), generator=generator).byte()
        labels[torch.rand(labels.shape, generator=generator) < 1 / 3] = UNLABELLED
        labels[-1] = UNLABELLED
    else:
        labels = torch.randint(classes, (trial.batch,), generator=generator)
    return images.to(trial.dtype).to(trial.device), labels.to(trial.device)


_START, _RECORD, _MEETING = "start.pt", "record.pt", "meeting"


def _worker(rank: int, graph: Graph, arrangement: Arrangement, trial: Trial, threads: int, folder: str) -> None:
    """The main function of one process of an arrangement; rank 0 writes the record."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C, and ends this process
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
    with leave_distributed(trial.device), _without_tf32():
        record = steps(
            PlacedNetwork(place_on_devices(graph, arrangement), join_mesh(arrangement, device)), trial, start
        )
        if rank == 0:
            torch.save(record, Path(folder, _RECORD))
        dist.barrier(device_ids=[rank] if trial.device == "cuda" else None)


def steps(network: PlacedNetwork, trial: Trial, start: Mapping[str, Tensor]) -> Record:
    """Run the trial in this process of an arrangement; ``start`` is the whole network's ``state_dict``."""
    network.module.train()
    return _record_steps(with_values(network, start, trial.dtype), trial)


def _record_steps(objective: Objective, trial: Trial) -> Record:
    """Take the trial's steps as training does, but so that they do not magnify rounding, and record the results."""
    objective = replace(objective, graph=replace(objective.graph, train=_without_magnified_rounding(objective.graph)))
    optimiser = optimiser_of(objective.graph, objective.module, devices=objective.devices)
    whole_batch = batch(objective.graph, trial)
    record: Record = {"losses": []}
    keys = state_keys(objective.graph)
    learnt = tuple(keys[parameter.key] for parameter in trained_parameters(objective.graph))

    def whole(kind: Kind, own: Mapping[str, Tensor], names: Sequence[str]) -> dict[tuple[Kind, str], Tensor]:
        return {(kind, name): x.detach().cpu().clone() for name, x in objective.full_tensors(own, names).items()}

    def update(gathered: BatchProgress) -> None:
        if "gradients" not in record and gathered.done == len(gathered.sizes):
            own = {name: p.grad for name, p in objective.module.named_parameters() if p.grad is not None}
            record["gradients"] = whole("held", own, learnt)
        optimiser.step(gathered)

    for step in range(trial.steps):
        optimiser.zero_grad()
        images, labels = _own_part(objective, *whole_batch, trial.seed, step)
        record["losses"].append(float(objective.gradients(images, labels, trial.seed, step, update)))
        if step in (0, trial.steps - 1):
            state = whole("held", objective.module.state_dict(), objective.names)
            for kind, remembered in state_names(objective.graph).items():
                own = state_of(objective.module, optimiser, kind)
                state |= whole(kind, own, [name for name in remembered if ("held", name) in record["gradients"]])
            record["first" if step == 0 else "last"] = state
    record.setdefault("last", record["first"])
    return record


def _own_part(objective: Objective, images: Tensor, labels: Tensor, seed: int, step: int) -> tuple[Tensor, Tensor]:
    """Return this process's images of a whole batch, and all labels, as ``loop.augmented`` does: mixed if the augment
    line says so, from the images that the process would have read."""
    graph, rows = objective.graph, objective.training_rows(len(labels))
    read = rows_to_read(graph.augment, rows, len(labels))
    return mixed(graph, images[torch.from_numpy(read).to(images.device)], labels, read, rows, seed, step)


def _without_magnified_rounding(graph: Graph) -> Train:
    """Return the train line in full precision, and with an ``eps`` of at least ``MIN_EPS``, or its square in a root."""
    rule = graph.train.rule
    if isinstance(rule, RmsProp | AdaGrad) and rule.eps_in_root:
        rule = replace(rule, eps_in_root=max(rule.eps_in_root, MIN_EPS**2))
    elif not isinstance(rule, Sgd):
        rule = replace(rule, eps=max(rule.eps, MIN_EPS))
    return replace(graph.train, precision="fp32", channels_last=False, rule=rule)
