"""A training as it stands: what it works on, and how far it has come."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Self

from torch import Tensor

from netspec.ir.graph import Graph
from netspec.train.config import Config
from netspec.train.data.batches.loader import Loader, Tally
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.picture import Data, known_unreadable
from netspec.train.learning.ema import Average
from netspec.train.learning.guessing import Guessing
from netspec.train.learning.objective import Objective
from netspec.train.learning.optimiser import PaperSGD
from netspec.train.learning.schedule import Watch
from netspec.train.learning.validation import Evaluation
from netspec.train.processes.crew import ALONE, Crew
from netspec.train.reporting.board import Board
from netspec.train.reporting.console import Plan, Reporter, Status
from netspec.train.runs.plot import Drawing
from netspec.train.runs.runfolder import RunFolder


class Meter:
    """Adds up steps. The loss stays on its device until it is asked for.

    Parameters
    ----------
    waited:
        The seconds that the pass under way had spent waiting for data when this meter began.
    """

    def __init__(self, waited: float = 0.0) -> None:
        self.steps = 0
        self.images = 0
        self._loss: Tensor | float = 0.0
        self._waited = waited
        self._since = time.perf_counter()

    def add(self, loss: Tensor, images: int) -> None:
        """Count a step with its loss, a scalar."""
        self._loss = self._loss + loss
        self.images += images
        self.steps += 1

    @property
    def loss(self) -> float:
        """The mean loss of the steps."""
        return float(self._loss) / self.steps

    def status(self, step: int, epoch: int, waited: float) -> Status:
        """The means so far; ``epoch`` counts from 0, ``waited`` as in the parameters."""
        seconds = max(time.perf_counter() - self._since, 1e-9)
        share = min(1.0, (waited - self._waited) / seconds)
        return Status(step, epoch + 1, self.loss, self.images / seconds, share)

    def state_dict(self, waited: float) -> dict[str, Any]:
        """What a checkpoint keeps of this meter; ``waited`` is as in the parameters."""
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
    def of(cls, state: dict[str, Any], device: str) -> Self:
        """The meter that goes on where ``state_dict`` was asked for, with a pass that has not waited yet."""
        meter = cls(-state["waited"])
        meter.steps, meter.images = state["steps"], state["images"]
        meter._loss = state["loss"].to(device) if isinstance(state["loss"], Tensor) else state["loss"]
        meter._since -= state["seconds"]
        return meter


@dataclass(slots=True)
class Place:
    """Where in an epoch a training is.

    ``position`` is how many images of the epoch's order lie behind, ``tally`` what became of them (and of those behind
    them once the epoch is over), ``waited`` the seconds spent waiting for data in this process. ``whole`` adds up the
    epoch's steps, ``line`` those since the last line of the log.
    """

    plan: Plan
    tally: Tally
    position: int = 0
    waited: float = 0.0
    whole: Meter = field(default_factory=Meter)
    line: Meter = field(default_factory=Meter)

    def advance(self, position: int, images: int, loss: Tensor, waited: float) -> None:
        """Count a step of so many images, behind whose last one the epoch's order is at ``position``."""
        self.position = position
        self.tally.used += images
        self.tally.skipped = position - self.tally.used
        self.waited = waited
        for meter in (self.whole, self.line):
            meter.add(loss, images)

    def finish(self, images: int, skipped: int) -> None:
        """Be at the end of an epoch of so many images, of which ``skipped`` cannot be read; those that are left fill no
        batch."""
        self.position = images
        self.tally.skipped = skipped
        self.tally.dropped = images - self.tally.used - skipped


@dataclass(slots=True)
class Training:
    """Everything that the loop works on, and how far it has come.

    ``step`` and ``epoch`` count what is done; ``place`` is where the epoch under way is, ``None`` between two.
    ``tally`` counts the images of whole epochs. ``validated`` is the step of the last validation, ``found`` what it
    found. ``started`` is when the run began, by the monotonic clock, had this process done all of it; ``resumed`` are
    the steps from which a process has gone on; ``told`` is what has been told of how steps run here.
    """

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
    """What every checkpoint holds beside the state: the spec, the classes, the preparation, the settings."""
    guessing: Guessing
    drawing: Drawing
    average: Average | None = None
    """The moving average of the weights, where the train line wants one: by it the network is judged."""
    crew: Crew = ALONE
    board: Board | None = None
    step: int = 0
    epoch: int = 0
    place: Place | None = None
    watch: Watch = field(default_factory=Watch)
    tally: Tally = field(default_factory=Tally)
    validated: int = -1
    found: Evaluation | None = None
    started: float = field(default_factory=time.monotonic)
    resumed: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether all epochs or steps are done, and the network has been validated after them."""
        if self.place is None and self.epoch == self.config.epochs:
            return True
        return self.step == self.config.steps and self.validated == self.step

    @property
    def began(self) -> int:
        """The step from which this process has gone on: 0, unless the run was resumed."""
        return self.resumed[-1] if self.resumed else 0

    def counted(self) -> Tally:
        """What became of the images so far, the epoch under way included."""
        whole = Tally()
        whole.add(self.tally)
        if self.place is not None:
            whole.add(self.place.tally)
        return whole

    def begin_epoch(self) -> Place:
        """The place at the beginning of the next epoch."""
        return Place(self.plan(self.step), Tally(drawn=len(self.data.train.labels)))

    def plan(self, first: int) -> Plan:
        """What lies ahead of an epoch that began after ``first`` steps, as far as it is known which images can be
        read."""
        readable = len(self.data.train.labels) - known_unreadable(self.data.train)
        per_epoch = max(1, readable // self.config.batch)
        epochs, steps = self.config.epochs, self.config.steps
        whole = first + (epochs - self.epoch) * per_epoch if epochs is not None else None
        planned = min(number for number in (whole, steps) if number is not None)
        return Plan(planned, self.epoch + -(-(planned - first) // per_epoch), per_epoch)

    def warn(self, text: str) -> None:
        """Tell a warning, and keep it for ``run.json``."""
        self.warnings.append(text)
        self.reporter.warn(text)

    def tell_how_it_runs(self) -> None:
        """Tell what the objective has found out on this device since the last time."""
        for line in self.objective.chosen:
            if line not in self.told:
                self.told.append(line)
                self.reporter.note(line)

    def close(self) -> None:
        """Draw the curves for the last time, and end TensorBoard's file."""
        self.drawing.now()
        if self.board is not None:
            self.board.close()
