"""The training loop."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from netspec.ir.graph import Graph
from netspec.train import checkpoint
from netspec.train.augment import Preparation, central, choose
from netspec.train.chance import shuffled
from netspec.train.config import Config, TrainError
from netspec.train.console import Plan, Reporter, Status
from netspec.train.data.loader import Loader, Tally
from netspec.train.data.picture import Data, Labels, known_unreadable
from netspec.train.evaluate import Evaluation, evaluate
from netspec.train.objective import Objective
from netspec.train.optimiser import PaperSGD
from netspec.train.runfolder import RunFolder
from netspec.train.schedule import Watch, factor, observe

LINES_PER_EPOCH = 100
"""Training lines that an epoch adds to ``metrics.jsonl``, at most; only then is the loss fetched from the device."""

CAUSES = (
    "likely causes: the learning rate is too high for this network (try a tenth),",
    "initial weights that are too large, or inputs in another range than the weights were chosen for",
    "(range=, mean= of the input)",
)


@dataclass(slots=True)
class Training:
    """Everything that the loop works on, and how far it has come."""

    graph: Graph
    config: Config
    data: Data
    objective: Objective
    optimiser: PaperSGD
    prepare: Preparation
    loader: Loader
    folder: RunFolder
    reporter: Reporter
    facts: dict[str, Any]
    """What every checkpoint holds beside the state: the spec, the classes, the preparation."""
    step: int = 0
    epoch: int = 0
    watch: Watch = field(default_factory=Watch)
    tally: Tally = field(default_factory=Tally)
    found: Evaluation | None = None


def run(training: Training, stop: Callable[[], bool]) -> Literal["finished", "interrupted"]:
    """Train until the epochs or steps are over, or until ``stop()`` is true after a step.

    Checkpoints are saved before the first step, at the end of each epoch and when stopped.

    Raises
    ------
    TrainError
        The loss is no number any more or depends on no weights, or not one full batch of the training images can be
        read.
    OSError
        The run's folder cannot be written.
    """
    t, config = training, training.config
    images = len(t.data.train.labels)
    every = max(1, images // config.batch // LINES_PER_EPOCH)
    save(t)
    while t.epoch != config.epochs and t.step != config.steps:
        order = shuffled(config.seed, t.epoch, images)
        batches = t.loader.run(t.data.train, order, config.batch, keep_partial=False)
        plan = plan_of(t)
        t.reporter.plan(plan)
        whole, line = Meter(), Meter()
        for batch in batches:
            choices = choose(config.seed, t.epoch, batch.places, t.data.frame, t.graph.input.output, t.graph.augment)
            x, labels = t.prepare(batch.pictures, choices), as_tensor(batch.labels, config.device)
            progress = min(1.0, t.step / plan.steps)
            t.optimiser.factor = factor(t.graph.train.schedule, epoch=t.epoch, progress=progress, watch=t.watch)

            t.objective.draw(config.seed, t.step)
            loss = t.objective.loss(x, labels)
            if not loss.requires_grad:
                raise TrainError("nothing to learn: the loss depends on no weights")
            t.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            t.optimiser.step()

            t.step += 1
            for meter in (whole, line):
                meter.add(loss.detach(), len(labels))
            last = t.step == config.steps or stop()
            if last or t.step % every == 0:
                log(t, line.status(t, batches.waited), whole.status(t, batches.waited))
                line = Meter(batches.waited)
            if last:
                break
        tally = batches.finish()
        t.tally.add(tally)
        if not tally.used:
            raise nothing_to_learn_from(tally, config.batch)
        if line.steps:
            log(t, line.status(t, batches.waited), whole.status(t, batches.waited))
        if not stop():
            validate(t, stop, whole.status(t, batches.waited))
        t.epoch += tally.unreached == 0
        save(t)
        if stop():
            return "interrupted"
    return "finished"


def plan_of(t: Training) -> Plan:
    """What lies ahead, as far as it is known which images can be read."""
    readable = len(t.data.train.labels) - known_unreadable(t.data.train)
    per_epoch = max(1, readable // t.config.batch)
    whole = t.step + (t.config.epochs - t.epoch) * per_epoch if t.config.epochs is not None else None
    steps = min(number for number in (whole, t.config.steps) if number is not None)
    return Plan(steps, t.epoch + -(-(steps - t.step) // per_epoch))


class Meter:
    """Adds up steps. The loss stays on its device until it is asked for."""

    def __init__(self, waited: float = 0.0) -> None:
        self.steps = 0
        self._loss: Tensor | float = 0.0
        self._images = 0
        self._waited = waited
        self._since = time.perf_counter()

    def add(self, loss: Tensor, images: int) -> None:
        self._loss = self._loss + loss
        self._images += images
        self.steps += 1

    def status(self, t: Training, waited: float) -> Status:
        """The means so far. ``waited``: the seconds spent waiting since this epoch began."""
        seconds = time.perf_counter() - self._since
        share = min(1.0, (waited - self._waited) / seconds)
        return Status(t.step, t.epoch + 1, float(self._loss) / self.steps, self._images / seconds, share)


def nothing_to_learn_from(tally: Tally, batch: int) -> TrainError:
    """The error of an epoch without a step: so many images are unreadable that the others are no full batch."""
    return TrainError(
        f"{tally.skipped} of {tally.drawn} training images cannot be read; the other {tally.dropped} are no batch "
        f"of {batch}",
        f"mend or replace them, or train with a smaller batch: --batch {max(1, tally.dropped)}",
    )


def log(t: Training, line: Status, whole: Status) -> None:
    """Write a line of the log, and show the epoch so far; stop a training whose loss is no number."""
    t.folder.log(
        {
            "step": line.step,
            "epoch": line.epoch,
            "loss": line.loss,
            "lr": t.graph.train.lr * t.optimiser.factor,
            "images_per_s": round(line.images_per_second, 1),
            "waiting": round(line.waiting, 4),
        }
    )
    t.reporter.progress(whole)
    if not math.isfinite(line.loss):
        raise TrainError(f"the loss is {line.loss} at step {line.step}: training has diverged", *CAUSES)


def validate(t: Training, stop: Callable[[], bool], status: Status) -> None:
    """Measure the network on the validation images, if there are any; tell, log, and let the schedule see it."""
    if t.data.validation is not None:
        batches = itertools.takewhile(lambda _: not stop(), validation_batches(t))
        found = evaluate(t.objective, batches)
        if stop():
            return
        t.found = found
    if t.found is not None:
        t.folder.log(
            {
                "step": t.step,
                "epoch": t.epoch + 1,
                "val_loss": t.found.loss,
                "top1": t.found.top1,
                "top5": t.found.top5,
                "val_images": t.found.images,
            }
        )
        t.watch = observe(t.graph.train.schedule, t.watch, 1 - t.found.top1)
    t.reporter.validated(status, t.found)


def validation_batches(t: Training) -> Iterator[tuple[Tensor, Tensor]]:
    """The validation images that can be read, their central crops, prepared; the last batch may be smaller."""
    split = t.data.validation
    if split is None:
        return
    for batch in t.loader.run(split, np.arange(len(split.labels)), t.config.batch, keep_partial=True):
        choices = central(len(batch.labels), t.data.frame, t.graph.input.output)
        yield t.prepare(batch.pictures, choices), as_tensor(batch.labels, t.config.device)


def as_tensor(labels: Labels, device: str) -> Tensor:
    """Class numbers on the training device."""
    return torch.from_numpy(labels).to(device)


def save(t: Training) -> None:
    """A checkpoint of the state after ``t.step`` steps and ``t.epoch`` whole epochs."""
    state = {
        "epoch": t.epoch,
        "weights": t.objective.module.state_dict(),
        "optimiser": t.optimiser.state_dict(),
        "watch": {"best": t.watch.best, "waited": t.watch.waited, "cuts": t.watch.cuts},
        "random": {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()},
        **t.facts,
    }
    checkpoint.save(t.folder.checkpoints, t.step, state)
