"""Reporters for trainings that tests run in their own process."""

from __future__ import annotations

import os
import signal
import time

from rich.console import Console

from netspec.train.reporting.console import Reporter, Status

QUIET = Reporter(Console(quiet=True))


class Collector(Reporter):
    """Collects warnings and notes, and prints nothing."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True))
        self.warnings: list[str] = []
        self.notes: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)


class SlowStep(Collector):
    """Takes its time after each step, in which images of later batches are read."""

    def progress(self, status: Status) -> None:
        time.sleep(0.3)


class InterruptAt(Reporter):
    """Sends this process SIGINT after a step."""

    def __init__(self, step: int) -> None:
        super().__init__(Console(quiet=True))
        self._step = step

    def progress(self, status: Status) -> None:
        if status.step == self._step:
            os.kill(os.getpid(), signal.SIGINT)
