"""The state of a training: what it works on, and its progress."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Self

from torch import Tensor

from netspec.ir.graph import Graph
from netspec.train.config import Config
from netspec.train.data.batches.loader import Loader, Tally
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.splits import Data, count_unreadable
from netspec.train.learning.ema import Average
from netspec.train.learning.guessing import Guessing
from netspec.train.learning.objective import Objective
from netspec.train.learning.rule import Optimiser
from netspec.train.learning.schedule import Watch
from netspec.train.learning.task import Task
from netspec.train.learning.validation import Evaluation
from netspec.train.processes.world import SINGLE_PROCESS, World
from netspec.train.reporting.board import Board
from netspec.train.reporting.console import Plan, Reporter, Status
from netspec.train.runs.plot import Drawing
from netspec.train.runs.runfolder import RunFolder


class Meter:
    """Means over a number of steps. The sum of the losses stays on the device until it is needed.

    Parameters
    ----------
    waited:
        The seconds that the current pass over the data had spent waiting when this meter started.
    """

    def __init__(self, waited: float = 0.0) -> None:
        self.steps = 0
        self.images = 0
        self._loss: Tensor | float = 0.0
        self._waited = waited
        self._since = time.perf_counter()

    def add(self, loss: Tensor, images: int) -> None:
        """Add a step with its loss, a scalar."""
        self._loss = self._loss + loss
        self.images += images
        self.steps += 1

    @property
    def loss(self) -> float:
        """The mean loss over the steps."""
        return float(self._loss) / self.steps

    def status(self, step: int, epoch: int, waited: float) -> Status:
        """Return the means so far. ``epoch`` counts from 0; ``waited`` is the pass's total waiting time by now."""
        seconds = max(time.perf_counter() - self._since, 1e-9)
        share = min(1.0, (waited - self._waited) / seconds)
        return Status(step, epoch + 1, self.loss, self.images / seconds, share)

    def state_dict(self, waited: float) -> dict[str, Any]:
        """Return the meter's state for a checkpoint; ``waited`` is the pass's total waiting time by now."""
        loss = self._loss.detach().cpu().clone() if isinstance(self._loss, Tensor) else self._loss
        seconds = time.perf_counter() - self._since
        return {
            "steps": self.steps,
            "images": self.images,
            "loss": loss,
            "seconds": seconds,
            "waited": waited - self._waited,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], device: str) -> Self:
        """Restore a meter from its ``state_dict``, for a new pass that has not waited yet."""
        meter = cls(-state["waited"])
        meter.steps, meter.images = state["steps"], state["images"]
        meter._loss = state["loss"].to(device) if isinstance(state["loss"], Tensor) else state["loss"]
        meter._since -= state["seconds"]
        return meter


@dataclass(slots=True)
class EpochProgress:
    """The progress within an epoch.

    ``position`` is how many images of the epoch's order have been passed, and ``tally`` what became of them (after the
    last step, of all images of the epoch). ``waited`` is the seconds that this process has spent waiting for data.
    ``epoch_meter`` measures the whole epoch, ``line_meter`` the steps since the last line of the log.
    """

    plan: Plan
    tally: Tally
    position: int = 0
    waited: float = 0.0
    epoch_meter: Meter = field(default_factory=Meter)
    line_meter: Meter = field(default_factory=Meter)

    def advance(self, position: int, images: int, loss: Tensor, waited: float) -> None:
        """Count a step of ``images`` images, after which the epoch's order is at ``position``."""
        self.position = position
        self.tally.used += images
        self.tally.skipped = position - self.tally.used
        self.waited = waited
        for meter in (self.epoch_meter, self.line_meter):
            meter.add(loss, images)

    def finish(self, images: int, skipped: int) -> None:
        """Count the end of an epoch of ``images`` images, ``skipped`` of them unreadable; unused ones are dropped."""
        self.position = images
        self.tally.skipped = skipped
        self.tally.dropped = images - self.tally.used - skipped


@dataclass(slots=True)
class Training:
    """Everything that the training loop works on, and its progress.

    Attributes
    ----------
    facts:
        What every checkpoint contains besides the state: the spec, the classes, the preparation, the settings.
    prepare, prepare_training:
        What prepares validation images and training images; the same for both unless training images are padded.
    task:
        What is learnt from the labels: a class for each image, or for each pixel.
    drawing, board:
        The run's curves, and its TensorBoard files if requested: in the main process only.
    average:
        The moving average of the weights, if the train line asks for one (``ema``); validation uses it.
    step, epoch:
        How many steps and epochs are done.
    progress:
        The progress within the current epoch; ``None`` between two epochs.
    tally:
        What became of the images of completed epochs.
    validated, evaluation:
        The step of the last validation, and its result.
    started:
        When the run began, by the monotonic clock, as if this process had done all of it.
    resumed:
        The steps at which the run was resumed.
    printed_notes:
        The notes about optimised forms that have already been printed.
    """

    graph: Graph
    config: Config
    data: Data
    objective: Objective
    optimiser: Optimiser
    prepare: Preparation
    prepare_training: Preparation
    task: Task
    loader: Loader
    folder: RunFolder
    reporter: Reporter
    facts: dict[str, Any]
    guessing: Guessing
    drawing: Drawing | None
    average: Average | None = None
    world: World = SINGLE_PROCESS
    board: Board | None = None
    step: int = 0
    epoch: int = 0
    progress: EpochProgress | None = None
    watch: Watch = field(default_factory=Watch)
    tally: Tally = field(default_factory=Tally)
    validated: int = -1
    evaluation: Evaluation | None = None
    started: float = field(default_factory=time.monotonic)
    resumed: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    printed_notes: list[str] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Whether all epochs or steps are done, and the network has been validated after them."""
        within = self.progress is not None
        return self.config.reached(self.step, self.epoch, within=within, validated=self.validated)

    @property
    def start_step(self) -> int:
        """The step at which this process started: 0 unless the run was resumed."""
        return self.resumed[-1] if self.resumed else 0

    def total_tally(self) -> Tally:
        """Return what became of the images so far, including the current epoch."""
        total = Tally()
        total.add(self.tally)
        if self.progress is not None:
            total.add(self.progress.tally)
        return total

    def begin_epoch(self) -> EpochProgress:
        """Return the progress at the beginning of the next epoch."""
        return EpochProgress(self.plan(self.step), Tally(drawn=len(self.data.train.labels)))

    def plan(self, first: int) -> Plan:
        """Return the planned numbers of steps and epochs, given that the current epoch began after ``first`` steps.

        Images that are known to be unreadable are not counted.
        """
        readable = len(self.data.train.labels) - count_unreadable(self.data.train)
        per_epoch = max(1, readable // self.config.batch)
        epochs, steps = self.config.epochs, self.config.steps
        steps_of_epochs = first + (epochs - self.epoch) * per_epoch if epochs is not None else None
        planned = min(number for number in (steps_of_epochs, steps) if number is not None)
        return Plan(planned, self.epoch + -(-(planned - first) // per_epoch), per_epoch)

    def warn(self, text: str) -> None:
        """Print a warning, and record it for ``run.json``."""
        self.warnings.append(text)
        self.reporter.warn(text)

    def report_forms(self) -> None:
        """Print the notes about the optimised forms in use on this device that have not been printed yet."""
        for line in self.objective.form_notes:
            if line not in self.printed_notes:
                self.printed_notes.append(line)
                self.reporter.note(line)

    def close(self) -> None:
        """Draw the final curves, and close TensorBoard's file."""
        if self.drawing is not None:
            self.drawing.draw()
        if self.board is not None:
            self.board.close()
