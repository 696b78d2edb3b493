"""The world, as torch.distributed calls it: the processes that train together, and the means by which they agree.

All of them run the same code on the same batches. Only the main process, that of rank 0, writes into the run's folder
and prints. A world of one process does not use torch.distributed.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from netspec.train.counter_rng import Indices
from netspec.train.data.batches.sharing import Failures, Sharing
from netspec.train.data.splits import Data
from netspec.train.errors import RequestError, TrainError
from netspec.train.processes.environment import FOLDER
from netspec.train.runs.runfolder import RunFolder
from netspec.train.runs.same_data import fingerprint

T = TypeVar("T")

_NCCL_ERROR = "NCCL error"
_OTHER_ENDED = "remote process exited"
"""What NCCL's errors contain, and those that another process has caused by ending."""

ON_THE_CPU = "processes on the CPU compute the same, but slowly: --device cpu"
"""What to do without enough GPUs."""

PATIENCE = timedelta(minutes=30)
"""The timeout of torch.distributed: reading the data of an epoch's first batch may take long."""


@dataclass(frozen=True, slots=True)
class World:
    """One process's view of the processes that train together: its ``rank``, from 0, and their number ``size``.

    The methods that communicate are collective: all processes must call them in the same order.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the main process, which writes files and prints."""
        return self.rank == 0

    def any(self, value: bool) -> bool:
        """Whether ``value`` is true in any of the processes."""
        if self.size == 1:
            return value
        flag = torch.tensor(float(value))  # on the CPU, so that no GPU has to be synchronised
        dist.all_reduce(flag)
        return bool(flag)

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes, by rank."""
        if self.size == 1:
            return [value]
        values: list[T] = [value] * self.size
        dist.all_gather_object(values, value)
        return values

    def agrees(self, number: int) -> bool:
        """Whether all processes pass the same number (of at most 63 bits)."""
        if self.size == 1:
            return True
        bounds = torch.tensor((number, -number))
        dist.all_reduce(bounds, dist.ReduceOp.MAX)
        return int(bounds[0]) == -int(bounds[1])

    def merge_failures(self, failures: Failures) -> Failures:
        """Merge the failures of all processes. If several failed on one image, the lowest rank's reason is used."""
        if not self.any(bool(failures)):
            return failures
        merged: dict[int, tuple[str, str]] = {}
        for rank_failures in reversed(self.gather(failures)):
            merged.update(rank_failures)
        return merged

    def broadcast(self, value: T) -> T:
        """Return the main process's value, in every process."""
        if self.size == 1:
            return value
        values: list[T] = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def only_on_main(self, context: AbstractContextManager[None]) -> AbstractContextManager[None]:
        """Return the context in the main process, and a null context in the other processes."""
        return context if self.is_main else nullcontext()

    @contextmanager
    def folder(self, path: Path) -> Iterator[RunFolder]:
        """Yield the run's folder in the main process and a temporary one in the others: all run the same code."""
        if self.is_main:
            yield RunFolder(path)
            return
        # Inside the launcher's folder, if there is one: the launcher deletes it even if this process is killed.
        with TemporaryDirectory(prefix="netspec-", dir=os.environ.get(FOLDER)) as temporary:
            folder = RunFolder(Path(temporary))
            folder.checkpoints.mkdir()
            yield folder


SINGLE_PROCESS = World()


@dataclass(frozen=True, slots=True)
class Readers(Sharing):
    """The processes that read the data together: each process reads ``share(count)`` of a batch of ``count`` images."""

    world: World
    share: Callable[[int], Indices]

    def rows(self, count: int) -> Indices:
        """See ``Sharing``."""
        return self.share(count)

    def merge_failures(self, failures: Failures) -> Failures:
        """See ``Sharing``."""
        return self.world.merge_failures(failures)

    def whole(self, own: NDArray[np.uint8], rows: Indices, count: int) -> NDArray[np.uint8]:
        """See ``Sharing``."""
        if self.world.size == 1 or len(rows) == count:  # then all processes read all: shares are smaller than that
            return own
        labels = np.empty((count, *own.shape[1:]), own.dtype)
        for rows_there, there in self.world.gather((rows, own)):
            labels[rows_there] = there
        return labels

    def all(self, value: bool) -> bool:
        """See ``Sharing``."""
        return not self.world.any(not value)


def require_same_images(data: Data, world: World) -> None:
    """Raise ``TrainError`` unless all processes see the same images, in the same order."""
    facts = {key: value for key, value in fingerprint(data).items() if key != "source"}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).digest()
    if not world.agrees(int.from_bytes(digest[:7], "big")):
        raise TrainError(
            f"the processes do not see the same images in {data.source}",
            "number, names, order and classes must be the same on every machine",
        )


@contextmanager
def join_world(device: str, size: int) -> Iterator[World]:
    """Join the world of ``size`` processes that torchrun or ``launch`` has started.

    On CUDA, each process uses the device with its local rank.

    Raises
    ------
    RequestError
        The machine has fewer CUDA devices than processes, or torch has been built without NCCL.
    """
    if size == 1:
        yield SINGLE_PROCESS
        return
    if device == "cuda":
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            raise RequestError(
                f"process {local} of this machine has no CUDA device: it has {torch.cuda.device_count()}"
            )
        if not dist.is_nccl_available():  # as on Windows
            raise RequestError(
                "GPUs communicate through NCCL, which this PyTorch has been built without",
                ON_THE_CPU,
            )
        torch.cuda.set_device(local)
    # Agreements use CPU tensors, and therefore gloo; tensors on GPUs use NCCL.
    dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=PATIENCE)
    with leave_distributed(device):
        yield World(dist.get_rank(), size)


@contextmanager
def leave_distributed(device: str) -> Iterator[None]:
    """Shut down torch.distributed at the end of this context.

    After an error on CUDA, a process does not: NCCL's shutdown, also the one when the interpreter exits, would wait for
    messages that the others no longer send. Such a process exits immediately after printing its error.
    """
    try:
        yield
    except BaseException:
        if device == "cuda":
            atexit.register(_end_at_once)
        else:
            dist.destroy_process_group()
        raise
    dist.destroy_process_group()


def _end_at_once() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def communication_error(problem: RuntimeError, rank: int) -> TrainError | None:
    """Return the error to report if a process could not communicate with the others, or ``None`` if it is another one.

    Gloo raises a plain ``RuntimeError``. NCCL also fails for reasons of its own, such as too little shared memory in a
    container, and names the reason in its last line (``getNcclErrorDetailStr`` in torch's ``NCCLUtils.cpp``).
    """
    lines = [line.strip() for line in str(problem).strip().splitlines()] or [type(problem).__name__]
    if isinstance(problem, dist.DistBackendError) and _NCCL_ERROR in lines[0] and _OTHER_ENDED not in lines[0]:
        reasons = (line for line in lines[1:] if line != "Last error:")
        return TrainError("NCCL has failed", *reasons, lines[0], "NCCL_DEBUG=INFO in the environment prints its log")
    if isinstance(problem, dist.DistError) or "gloo" in str(problem):
        return TrainError(f"process {rank} lost contact with the others: one of them has ended", lines[0])
    return None
