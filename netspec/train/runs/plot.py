"""The training curves of a run: loss and validation error over the steps."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from netspec.train.files import write_atomically
from netspec.train.learning.task import MEASURES
from netspec.train.learning.validation import PROTOCOL
from netspec.train.plotting import HOW_TO_GET_IT, has_matplotlib
from netspec.train.runs.runfolder import RunFolder, read_metrics

NO_MATPLOTLIB = f"no curves.png is drawn, {HOW_TO_GET_IT}"

SECONDS_BETWEEN = 60.0
"""The minimum time between two drawings during a run."""

WIDE = 10
"""How many times the least loss the largest one is, at least, where their axis is logarithmic."""


class Drawing:
    """Keeps a run's ``curves.png`` up to date. An error while drawing does not end the training."""

    def __init__(
        self, folder: RunFolder, title: str, note: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder, self._title, self._note, self._clock = folder, title, note, clock
        self._last = clock()
        self._reported = False

    def draw_if_due(self) -> None:
        """Draw, unless the last drawing was less than a minute ago."""
        if self._clock() - self._last >= SECONDS_BETWEEN:
            self.draw()

    def draw(self) -> None:
        """Draw, if there are any metrics. The first failure is reported with its reason."""
        if not self._folder.metrics.exists():
            return
        failure = ""
        try:
            if not draw_curves(self._folder.metrics, self._folder.curves, self._title):
                failure = NO_MATPLOTLIB
        except Exception as problem:
            failure = f"no curves.png: {type(problem).__name__}: {problem}"
        self._last = self._clock()
        if failure and not self._reported:
            self._note(failure)
            self._reported = True


def loss_scale(losses: Iterable[float | None]) -> Literal["log", "linear"]:
    """Return how an axis of losses is divided: logarithmically if the largest is at least ``WIDE`` times the least.

    On a linear axis, the end of a run whose loss falls to a tenth could not be told from nothing. A loss of 0 has no
    place on a logarithmic one, and a negative one forbids it. ``None`` is a loss that is no number.
    """
    numbers = [loss for loss in losses if loss is not None]
    positive = [loss for loss in numbers if loss > 0]
    wide = bool(positive) and min(numbers) >= 0 and max(positive) >= WIDE * min(positive)
    return "log" if wide else "linear"


def draw_curves(metrics: Path, picture: Path, title: str) -> bool:
    """Draw a ``metrics.jsonl`` into the file ``picture``. Return ``False`` if matplotlib is not installed."""
    if not has_matplotlib():
        return False
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    lines = read_metrics(metrics)
    training = [line for line in lines if "loss" in line]
    checks = [line for line in lines if "val_loss" in line]
    marker = "." if len(checks) < 40 else ""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, errors = figure.subplots(1, 2)
    losses.plot([x["step"] for x in training], [x["loss"] for x in training], lw=0.8, label="training")
    losses.plot([x["step"] for x in checks], [x["val_loss"] for x in checks], marker=marker, label="validation")
    scale = loss_scale([*(x["loss"] for x in training), *(x["val_loss"] for x in checks)])
    losses.set(xlabel="step", ylabel="loss", title=title, yscale=scale)
    if scale == "log":
        losses.yaxis.set_major_formatter("{x:g}")
    measured = [accuracy for accuracy in MEASURES if checks and accuracy.key in checks[0]]
    for below, accuracy in enumerate(measured):  # the most important one is drawn above the others
        values = [100 * (1 - x[accuracy.key]) for x in checks]
        errors.plot([x["step"] for x in checks], values, marker=marker, label=accuracy.error, zorder=3 - below / 10)
    errors.set(xlabel="step", ylabel="validation error, %", ylim=(0, None), title=f"validation: {PROTOCOL}")
    for axes in (losses, errors):
        axes.grid(alpha=0.3)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if axes.lines:
            axes.legend()
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=120)
    write_atomically(picture, png.getvalue())
    return True
