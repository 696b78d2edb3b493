"""Progress of a training on the console: a progress bar on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column

from netspec.formatting import format_count, format_rate, printable
from netspec.train.learning.validation import Evaluation
from netspec.train.reporting.progress import SECONDS_BETWEEN_LINES, on_terminal

EPOCH_LINES = 20
"""Without a terminal, a short run prints about this many lines, however many epochs it has."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The planned extent of a training: the total number of ``steps`` if all images are readable, the number of
    ``epochs``, and the steps ``per_epoch``."""

    steps: int
    epochs: int
    per_epoch: int = 1


@dataclass(frozen=True, slots=True)
class Status:
    """The current state of a training. ``epoch`` counts from 1; ``waiting`` is the fraction of time spent waiting for
    data."""

    step: int
    epoch: int
    loss: float
    images_per_second: float
    waiting: float


class Reporter:
    """Reports the progress of a training. This base class prints only warnings; subclasses print more."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def note(self, text: str) -> None:
        """Print a line of information."""

    def warn(self, text: str) -> None:
        """Print a warning about a problem that does not stop the training."""
        self._print(f"warning: {text}")

    def reading(self, done: int, total: int, sought: str = "mean and colours") -> None:
        """Report how many images have been read before the training, for what is ``sought`` in all of them."""

    def plan(self, plan: Plan) -> None:
        """Report the start of an epoch. The plan may have changed, if unreadable images were found."""

    def progress(self, status: Status) -> None:
        """Report the state after a step."""

    def validated(self, status: Status, evaluation: Evaluation | None) -> None:
        """Report the end of an epoch and the result of its validation."""

    def close(self) -> None:
        """Restore the terminal at the end."""

    def _print(self, text: str) -> None:
        self._console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


class Lines(Reporter):
    """Plain lines, for output that is not a terminal.

    There are about ``EPOCH_LINES`` lines at ends of epochs. In between, lines are at least ten seconds or 2 % of the
    elapsed time apart, so that the log of a run of several days stays readable.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console)
        self._clock = clock
        self._start = self._last = clock()
        self._plan = Plan(0, 1)

    def note(self, text: str) -> None:
        self._print(text)

    def reading(self, done: int, total: int, sought: str = "mean and colours") -> None:
        if self._due():
            self._line(f"read {format_count(done)} of {format_count(total)} images for their {sought}")

    def plan(self, plan: Plan) -> None:
        self._plan = plan

    def progress(self, status: Status) -> None:
        if self._due():
            self._line(describe(status, self._plan))

    def validated(self, status: Status, evaluation: Evaluation | None) -> None:
        every = max(1, -(-self._plan.epochs // EPOCH_LINES))
        if status.epoch % every == 0 or status.epoch == self._plan.epochs or self._due():
            self._line(f"{describe(status, self._plan)}{scores(evaluation)}")

    def _due(self) -> bool:
        now = self._clock()
        return now - self._last >= max(SECONDS_BETWEEN_LINES, 0.02 * (now - self._start))

    def _line(self, text: str) -> None:
        self._print(text)
        self._last = self._clock()


class Bar(Reporter):
    """A progress bar, for a terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            # Takes the remaining width; if the line is too long, only this column is truncated.
            TextColumn("{task.fields[status]}", table_column=Column(ratio=1, no_wrap=True)),
            console=console,
            transient=True,
            expand=True,
        )
        self._task: TaskID | None = None
        self._plan = Plan(0, 1)
        self._evaluation = ""

    def note(self, text: str) -> None:
        self._print(text)

    def reading(self, done: int, total: int, sought: str = "mean and colours") -> None:
        self._show("reading images", done, total, "")

    def plan(self, plan: Plan) -> None:
        self._plan = plan

    def progress(self, status: Status) -> None:
        speed = f"{format_rate(status.images_per_second)} images/s"
        facts = f"loss {status.loss:.3g}  {speed}  {100 * status.waiting:.0f} % waiting{self._evaluation}"
        self._show(f"epoch {status.epoch}/{self._plan.epochs}", status.step, self._plan.steps, facts)

    def validated(self, status: Status, evaluation: Evaluation | None) -> None:
        self._evaluation = f"  {evaluation.accuracies[0]}" if evaluation is not None else ""
        self.progress(status)

    def close(self) -> None:
        self._bar.stop()

    def _show(self, title: str, done: int, total: int, facts: str) -> None:
        if self._task is None:
            self._task = self._bar.add_task(title, total=total, status=facts)
            self._bar.start()
        self._bar.update(self._task, description=title, completed=done, total=total, status=facts)


def make_reporter(*, quiet: bool, console: Console | None = None) -> Reporter:
    """Return the reporter that suits the console, by default standard error."""
    console = console if console is not None else Console(stderr=True)
    if quiet:
        return Reporter(console)
    return Bar(console) if on_terminal(console) else Lines(console)


def describe(status: Status, plan: Plan) -> str:
    """Return a line like ``epoch 3/10  step 120/400  loss 0.1234  850 images/s, 2 % waiting for data``."""
    place = f"epoch {status.epoch}/{plan.epochs}  step {format_count(status.step)}/{format_count(plan.steps)}"
    speed = f"{format_rate(status.images_per_second)} images/s, {100 * status.waiting:.0f} % waiting for data"
    return f"{place}  loss {status.loss:.4g}  {speed}"


def scores(evaluation: Evaluation | None) -> str:
    """Return the result of a validation, to be appended to a line; empty if there was none."""
    if evaluation is None:
        return ""
    return "".join(f"  {accuracy}" for accuracy in evaluation.accuracies)
