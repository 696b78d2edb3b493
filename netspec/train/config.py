"""A request for training, and the complete settings that follow from it and the spec's ``train`` line."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from netspec.ir.settings import Precision, Train
from netspec.ir.shape import Shape
from netspec.passes.fast import Device
from netspec.passes.placing import SplitWord
from netspec.train.data.cores import cores_available
from netspec.train.errors import RequestError
from netspec.train.interval import Interval

USUAL = Interval(10, "min")
"""The default for how often a checkpoint is saved, in addition to the end of each epoch."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller asks for.

    ``None`` leaves a choice to the spec (epochs, batch, precision), to the machine (device, threads, out), or to the
    defaults (seed 0, a checkpoint every ten minutes). When a run is resumed, ``None`` means the run's own setting.

    Attributes
    ----------
    epochs, steps:
        The end of the training, counted from its beginning. If both are given, whichever comes first.
    weights, fresh:
        A run or a file to take the initial weights from, and the layers whose weights are not taken from it.
    input:
        The input shape, if it overrides the one in the spec.
    without:
        The optimising passes that are switched off (see ``netspec.passes.fast``).
    """

    data: str | None
    epochs: int | None = None
    steps: int | None = None
    batch: int | None = None
    seed: int | None = None
    device: str | None = None
    threads: int | None = None
    out: Path | None = None
    precision: Precision | None = None
    weights: Path | None = None
    fresh: tuple[str, ...] = ()
    save_every: Interval | None = None
    tensorboard: bool | None = None
    input: Shape | None = None
    gpus: int | None = None
    split: SplitWord | None = None
    without: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """The complete settings of a training. At least one of ``epochs`` and ``steps`` is a number.

    ``threads`` is the number of torch's threads and ``workers`` that of the threads that read images, both per process.
    ``gpus`` is the number of devices, one process each, that divide the work according to ``split``.
    """

    data: str
    epochs: int | None
    steps: int | None
    batch: int
    seed: int
    device: Device
    threads: int
    workers: int
    precision: Precision
    save_every: Interval = USUAL
    tensorboard: bool = False
    input: Shape | None = None
    gpus: int = 1
    split: SplitWord | None = None
    without: tuple[str, ...] = ()

    def reached(self, step: int, epoch: int, *, within: bool, validated: int) -> bool:
        """Whether a training is at its end: all epochs or steps are done, and the network validated after them.

        ``epoch`` epochs are complete; ``within``: another has begun. ``validated`` is the step of the last validation.
        """
        return (not within and epoch == self.epochs) or step == self.steps == validated

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as numbers, strings and lists, for ``run.json`` and the checkpoints."""
        settings = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return settings | {
            "save_every": str(self.save_every),
            "input": str(self.input) if self.input is not None else None,
            "without": list(self.without),
        }


def resolve(request: Request, train: Train) -> Config:
    """Complete a request with the spec's ``train`` line, the properties of this machine, and defaults.

    Raises
    ------
    RequestError
        ``device="cuda"`` is requested, and torch finds no CUDA device.
    """
    cores, gpus = cores_available(), request.gpus or 1
    epochs, steps = request.epochs, request.steps
    if epochs is None and steps is None:
        epochs, steps = train.epochs, train.steps
    return Config(
        data=request.data or "",
        epochs=epochs,
        steps=steps,
        batch=request.batch or train.batch,
        seed=request.seed or 0,
        device=device_for(request.device),
        threads=request.threads or max(1, cores // gpus),
        workers=min(max(1, cores // gpus), 16),
        precision=request.precision or train.precision,
        save_every=request.save_every or USUAL,
        tensorboard=bool(request.tensorboard),
        input=request.input,
        gpus=gpus,
        split=request.split,
        without=tuple(sorted(set(request.without or ()))),
    )


def device_for(requested: str | None) -> Device:
    """Return the requested device; by default CUDA if available, else the CPU.

    Raises ``RequestError`` if CUDA is requested and not available.
    """
    if requested == "cuda" and not torch.cuda.is_available():
        raise RequestError("there is no CUDA device here", "leave --device out, or say --device cpu")
    return "cuda" if requested == "cuda" or (requested is None and torch.cuda.is_available()) else "cpu"
