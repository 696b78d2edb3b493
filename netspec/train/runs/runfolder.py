"""A run's folder: the spec, what was run, its metrics, its checkpoints.

``spec.net``
    The spec as trained. (``--input`` is not written into it; it is in ``run.json`` and the checkpoints.)
``run.json``
    Settings, device, versions, data, counts, warnings; ``state`` is ``running``, ``finished``, ``interrupted`` or
    ``failed`` (``running`` as well where the process was killed), a run that ended has its ``result``, and
    ``resumed`` lists the steps from which another process has gone on.
``metrics.jsonl``
    One object a line. In training: ``step`` and ``epoch`` (both counted from 1), ``loss`` (the mean since the line
    before), ``lr`` (the ``train`` line's rate times the schedule's factor), ``images_per_s``, ``waiting`` (the share
    of the time spent waiting for data). At a validation: ``step``, ``epoch``, ``val_loss``, ``top1``, ``top5`` (the
    shares of images, 0 to 1, whose class has the best score, is among the five best), ``val_images``. A run that is
    resumed goes on behind the lines of its checkpoint; those that came after it are taken away first.
``unreadable.jsonl``
    One object for each image that could not be read: ``path``, ``reason``. Only there if there are any.
``checkpoints/``
    The last two, named after their steps: ``step-000000000.pt`` before the first, then one at the end of each epoch
    and as often as ``--save-every`` says. One that turned out to be damaged when the run was resumed ends in
    ``.damaged``.
``curves.png``
    Loss and error over the steps, if matplotlib is installed; drawn anew once a minute at most, and at the end.
``tensorboard/``
    The same metrics for TensorBoard, with ``--tensorboard``.
``.lock``
    Empty; locked while a process trains here.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from netspec.train.errors import RequestError, TrainError
from netspec.train.files import write_beside

SPEC, FACTS, CHECKPOINTS, LOCK = "spec.net", "run.json", "checkpoints", ".lock"
_METRICS, _UNREADABLE = "metrics.jsonl", "unreadable.jsonl"


class RunFolder:
    """A folder that exists and is this run's own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / CHECKPOINTS
        self.metrics = path / _METRICS
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
            folder.checkpoints.mkdir(exist_ok=True)
        except OSError as problem:
            raise RequestError(f"cannot make the run's folder {problem.filename}: {problem.strerror}") from problem
        return folder

    def write_spec(self, text: str) -> None:
        self._write(SPEC, text)

    def write_run(self, facts: Mapping[str, Any]) -> None:
        self._write(FACTS, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")

    def clear(self) -> None:
        """Take away what a process left that ended before its first checkpoint."""
        for path in (self.metrics, self.path / _UNREADABLE, *self.checkpoints.glob(".*.part")):
            path.unlink(missing_ok=True)
        self.checkpoints.mkdir(exist_ok=True)

    def settle(self) -> int:
        """Have the disk keep what has been logged, also through a power cut. The length of the log in bytes."""
        try:
            with self.metrics.open("r+b") as file:
                os.fsync(file.fileno())
                return file.seek(0, os.SEEK_END)
        except FileNotFoundError:
            return 0

    def rewind(self, length: int, step: int) -> bool:
        """Take away what was logged after a checkpoint of ``step`` steps, when the log was ``length`` bytes long.

        ``False`` where the log is shorter now or another one; then the whole lines up to that step are kept.
        """
        try:
            held = self.metrics.read_bytes()
        except FileNotFoundError:
            held = b""
        intact = len(held) >= length and (length == 0 or held[length - 1 : length] == b"\n")
        if len(held) == length and intact:
            return True
        kept = held[:length] if intact else b"".join(_upto(held, step))
        write_beside(self.metrics, kept)
        return intact

    def known_unreadable(self) -> set[str]:
        """The paths in ``unreadable.jsonl``. A line that a killed process left unfinished is taken away."""
        path = self.path / _UNREADABLE
        try:
            held = path.read_bytes()
        except FileNotFoundError:
            return set()
        whole = held[: held.rfind(b"\n") + 1]
        if whole != held:
            write_beside(path, whole)
        return set(_paths(whole))

    def log(self, line: Mapping[str, Any]) -> None:
        """Append to ``metrics.jsonl``."""
        self._append(self.metrics, line)

    def log_unreadable(self, path: str, reason: str) -> None:
        """Append to ``unreadable.jsonl``."""
        self._append(self.path / _UNREADABLE, {"path": path, "reason": reason})

    def _write(self, name: str, text: str) -> None:
        write_beside(self.path / name, text.encode("utf-8"))

    def _append(self, path: Path, line: Mapping[str, Any]) -> None:
        # JSON has no word for NaN; a loss that is none is written as null.
        clean = {key: None if isinstance(x, float) and not math.isfinite(x) else x for key, x in line.items()}
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(clean, ensure_ascii=False) + "\n")


def _upto(held: bytes, step: int) -> Iterator[bytes]:
    """The whole lines of a log, up to the first that is of a later step or cannot be read."""
    for line in held.splitlines(keepends=True):
        try:
            if not line.endswith(b"\n") or json.loads(line)["step"] > step:
                return
        except (ValueError, KeyError, TypeError):
            return
        yield line


def _paths(held: bytes) -> Iterator[str]:
    for line in held.splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):  # written by somebody else
            yield json.loads(line)["path"]


def read_spec(folder: Path) -> str:
    """The text of a run's ``spec.net``, its line ends as they are. Raises ``OSError`` and ``UnicodeDecodeError``."""
    with (folder / SPEC).open(encoding="utf-8", newline="") as opened:
        return opened.read()


def read_facts(folder: Path) -> Mapping[str, Any]:
    """What a run's ``run.json`` says; nothing where it cannot be read."""
    try:
        facts = json.loads((folder / FACTS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


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


_FIRST = frozenset((LOCK, f".{FACTS}.part", CHECKPOINTS))
"""What a process may have made of a folder that was killed before it wrote down what it was going to do."""


def _empty(out: Path) -> Path:
    if out.exists() and not (out.is_dir() and _is_free(out)):
        what = "a folder with something in it" if out.is_dir() else "a file"
        raise RequestError(f"--out {out} is {what}", "name a new folder; a run never writes over another")
    out.mkdir(parents=True, exist_ok=True)
    return out


def _is_free(folder: Path) -> bool:
    entries = {entry.name for entry in folder.iterdir()}
    return entries <= _FIRST and (CHECKPOINTS not in entries or not any((folder / CHECKPOINTS).iterdir()))


def disk_problem(problem: OSError, folder: Path) -> TrainError:
    """What the user is told when a run's folder can no longer be written."""
    return TrainError(
        f"cannot write the run's files: {problem.strerror or problem}",
        "the checkpoints written before are intact; when there is room, go on with",
        f"  {resuming(folder)}",
    )


def resuming(folder: Path) -> str:
    """The command that goes on with a run."""
    return f"netspec train --resume {shlex.quote(str(folder))}"
