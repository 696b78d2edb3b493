"""A run's folder: the spec, what was run, its metrics, its checkpoints.

``spec.net``
    The spec as trained.
``run.json``
    Seed, threads, device, versions, data and counts; ``state`` is ``running``, ``finished``, ``interrupted`` or
    ``failed``, and a run that ended has its ``result``.
``metrics.jsonl``
    One object a line. In training: ``step`` and ``epoch`` (both counted from 1), ``loss`` (the mean since the line
    before), ``lr`` (the ``train`` line's rate times the schedule's factor), ``images_per_s``, ``waiting`` (the share
    of the time spent waiting for data). At a validation: ``step``, ``epoch``, ``val_loss``, ``top1``, ``top5`` (the
    shares of images, 0 to 1, whose class has the best score, is among the five best), ``val_images``.
``unreadable.jsonl``
    One object for each image that could not be read: ``path``, ``reason``. Only there if there are any.
``checkpoints/``
    The last two, ``step-000000000.pt`` before the first step, then one at the end of each epoch.
``curves.png``
    Loss and error over the steps, if matplotlib is installed.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netspec.train.config import RequestError, TrainError


class RunFolder:
    """A folder that exists and is this run's own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.metrics = path / "metrics.jsonl"
        self.curves = path / "curves.png"

    @classmethod
    def create(cls, out: Path | None, stem: str) -> RunFolder:
        """Make the folder ``out``, or ``runs/STEM-N`` with the first free N.

        Raises
        ------
        RequestError
            ``out`` is a file or a folder with something in it, or cannot be made.
        """
        try:
            path = _free(Path("runs"), stem) if out is None else _empty(out)
            folder = cls(path)
            folder.checkpoints.mkdir()
        except OSError as problem:
            raise RequestError(f"cannot make the run's folder {problem.filename}: {problem.strerror}") from problem
        return folder

    def write_spec(self, text: str) -> None:
        self._write("spec.net", text)

    def write_run(self, facts: Mapping[str, Any]) -> None:
        self._write("run.json", json.dumps(facts, indent=2, ensure_ascii=False) + "\n")

    def log(self, line: Mapping[str, Any]) -> None:
        """Append to ``metrics.jsonl``."""
        self._append(self.metrics, line)

    def log_unreadable(self, path: str, reason: str) -> None:
        """Append to ``unreadable.jsonl``."""
        self._append(self.path / "unreadable.jsonl", {"path": path, "reason": reason})

    def _write(self, name: str, text: str) -> None:
        """Write beside, flush, rename."""
        beside = self.path / f".{name}.part"
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path / name)

    def _append(self, path: Path, line: Mapping[str, Any]) -> None:
        # JSON has no word for NaN; a loss that is none is written as null.
        clean = {key: None if isinstance(x, float) and not math.isfinite(x) else x for key, x in line.items()}
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(clean, ensure_ascii=False) + "\n")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a ``metrics.jsonl``. A last line that a killed process left unfinished is passed over."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if text.endswith("\n"):
            lines.append(json.loads(text))
    return lines


def _free(parent: Path, stem: str) -> Path:
    parent.mkdir(exist_ok=True)
    number = 1
    while True:
        path = parent / f"{stem}-{number}"
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        else:
            return path


def _empty(out: Path) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        what = "a folder with something in it" if out.is_dir() else "a file"
        raise RequestError(f"--out {out} is {what}", "name a new folder; a run never writes over another")
    out.mkdir(parents=True, exist_ok=True)
    return out


def disk_problem(problem: OSError) -> TrainError:
    """What the user is told when the run's folder can no longer be written."""
    return TrainError(
        f"cannot write the run's files: {problem.strerror or problem}", "the checkpoints written before are intact"
    )
