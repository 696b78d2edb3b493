"""The processes that train together: which of them this is, and what they must agree on.

All run the same code on the same batches. One leads: it alone writes into the run's folder and speaks to the user. A
crew of one needs no torch.distributed.
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

import torch
import torch.distributed as dist

from netspec.train.chance import Places
from netspec.train.data.batches.sharing import Failures, Sharing
from netspec.train.data.picture import Data
from netspec.train.errors import RequestError, TrainError
from netspec.train.processes.environment import FOLDER
from netspec.train.runs.runfolder import RunFolder
from netspec.train.runs.same_data import fingerprint

T = TypeVar("T")

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others: as long as reading the data of an epoch's first batch may take."""


@dataclass(frozen=True, slots=True)
class Crew:
    """One process's view of all that train together: it is number ``rank``, from 0, of ``size``."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes and speaks for all."""
        return self.rank == 0

    def any(self, value: bool) -> bool:
        """Whether ``value`` is true in any of the processes."""
        if self.size == 1:
            return value
        told = torch.tensor(float(value))  # on the CPU: nobody waits for a GPU to learn of it
        dist.all_reduce(told)
        return bool(told)

    def gathered(self, value: T) -> list[T]:
        """The values of all processes, by rank."""
        if self.size == 1:
            return [value]
        held: list[T] = [value] * self.size
        dist.all_gather_object(held, value)
        return held

    def agrees(self, number: int) -> bool:
        """Whether all processes give the same number (of 63 bits at most)."""
        if self.size == 1:
            return True
        bounds = torch.tensor((number, -number))
        dist.all_reduce(bounds, dist.ReduceOp.MAX)
        return int(bounds[0]) == -int(bounds[1])

    def agreed(self, failures: Failures) -> Failures:
        """What any of the crew has found unreadable; of several reasons the first process's."""
        if not self.any(bool(failures)):
            return failures
        found: dict[int, tuple[str, str]] = {}
        for each in reversed(self.gathered(failures)):
            found.update(each)
        return found

    def led(self, value: T) -> T:
        """The leader's value, in every process."""
        if self.size == 1:
            return value
        held: list[T] = [value]
        dist.broadcast_object_list(held, src=0)
        return held[0]

    def only_lead(self, context: AbstractContextManager[None]) -> AbstractContextManager[None]:
        """The context in the leader; one that does nothing in the others."""
        return context if self.leads else nullcontext()

    @contextmanager
    def folder(self, path: Path) -> Iterator[RunFolder]:
        """The run's folder for the leader; for the others one that is thrown away, so that they run the same code."""
        if self.leads:
            yield RunFolder(path)
            return
        # In the launcher's folder, if there is one: it takes it away also where this process is ended.
        with TemporaryDirectory(prefix="netspec-", dir=os.environ.get(FOLDER)) as beside:
            folder = RunFolder(Path(beside))
            folder.checkpoints.mkdir()
            yield folder


ALONE = Crew()


@dataclass(frozen=True, slots=True)
class Readers(Sharing):
    """The crew as those who read a pass together, each ``share(count)`` of a batch of ``count`` images."""

    crew: Crew
    share: Callable[[int], Places]

    def part(self, count: int) -> Places:
        """See ``Sharing``."""
        return self.share(count)

    def agreed(self, failures: Failures) -> Failures:
        """See ``Sharing``."""
        return self.crew.agreed(failures)

    def all(self, value: bool) -> bool:
        """See ``Sharing``."""
        return not self.crew.any(not value)


def need_alike(data: Data, crew: Crew) -> None:
    """Raise ``TrainError`` where another process of the crew sees other images: their batches would not be parts of
    one."""
    seen = {key: value for key, value in fingerprint(data).items() if key != "source"}
    digest = hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).digest()
    if not crew.agrees(int.from_bytes(digest[:7], "big")):
        raise TrainError(
            f"the processes do not see the same images in {data.source}",
            "number, names, order and classes must be the same on every machine",
        )


@contextmanager
def enlisted(device: str) -> Iterator[Crew]:
    """The crew that torchrun has started this process in (its environment says so), or this process alone.

    On CUDA each process of a machine takes the device of its own number.

    Raises
    ------
    RequestError
        There are fewer CUDA devices on the machine than processes.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or "RANK" not in os.environ:
        yield ALONE
        return
    if device == "cuda":
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            raise RequestError(
                f"process {local} of this machine has no CUDA device: it has {torch.cuda.device_count()}"
            )
        torch.cuda.set_device(local)
    # What the processes agree on goes over gloo, what they compute over NCCL if it is on GPUs.
    dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=PATIENCE)
    with parting(device):
        yield Crew(dist.get_rank(), size)


@contextmanager
def parting(device: str) -> Iterator[None]:
    """Leave torch.distributed when this is over.

    On CUDA a process that ends by an error does not: NCCL takes leave by waiting for what the others will not send any
    more, and Python's end of the process would do the same. So it ends by itself, when its error has been told.
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


def is_lost(problem: RuntimeError) -> bool:
    """Whether an error says that the connection to another process is gone. Gloo has no class of its own for it."""
    return isinstance(problem, dist.DistError) or "gloo" in str(problem)
