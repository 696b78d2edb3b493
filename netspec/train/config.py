"""What a training is asked to do, and what that comes to once the spec's ``train`` line has filled the gaps."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from netspec.ir.settings import Train


class TrainError(Exception):
    """A training that cannot start or go on because of its data or its spec.

    ``notes`` are further lines: the numbers, the likely causes, the repair. ``exit_code`` is 1: the spec or the data
    is wrong.
    """

    exit_code = 1

    def __init__(self, message: str, *notes: str) -> None:
        super().__init__(message)
        self.message = message
        self.notes = notes


class RequestError(TrainError):
    """A training that was asked for wrongly: an unknown source, a run folder in use, a device that is not there."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller asks for. ``None`` leaves a number to the spec (epochs, batch) or to the machine (device,
    threads, out). ``steps`` is the total; with ``epochs`` as well, whichever comes first ends the training."""

    data: str
    epochs: int | None = None
    steps: int | None = None
    batch: int | None = None
    seed: int = 0
    device: str | None = None
    threads: int | None = None
    out: Path | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A request with every gap filled. At least one of ``epochs`` and ``steps`` is a number.

    ``threads`` are torch's, ``workers`` the background threads that read images.
    """

    data: str
    epochs: int | None
    steps: int | None
    batch: int
    seed: int
    device: str
    threads: int
    workers: int


def resolve(request: Request, train: Train) -> Config:
    """Fill a request's gaps from the spec's ``train`` line and from the machine.

    Raises
    ------
    RequestError
        ``device="cuda"`` where torch finds no CUDA device.
    """
    cores = cores_available()
    epochs = request.epochs
    if epochs is None and request.steps is None:
        epochs = train.epochs
    return Config(
        data=request.data,
        epochs=epochs,
        steps=request.steps,
        batch=request.batch or train.batch,
        seed=request.seed,
        device=_device(request.device),
        threads=request.threads or cores,
        workers=min(cores, 16),
    )


def cores_available() -> int:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _device(asked: str | None) -> str:
    if asked == "cuda" and not torch.cuda.is_available():
        raise RequestError("there is no CUDA device here", "leave --device out, or say --device cpu")
    return asked or ("cuda" if torch.cuda.is_available() else "cpu")
