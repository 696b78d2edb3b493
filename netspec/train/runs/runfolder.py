"""The folder of a run: the spec, the settings, the metrics, the checkpoints.

``spec.net``
    The spec as trained. (``--input`` is not written into it; it is in ``run.json`` and the checkpoints.)
``run.json``
    Settings, device, versions, data, counts, warnings. ``state`` is ``running`` (also if the process was killed),
    ``finished``, ``interrupted`` or ``failed``. A run that has ended has a ``result``; ``resumed`` lists the steps at
    which the run was resumed.
``metrics.jsonl``
    One JSON object per line. In training: ``step`` and ``epoch`` (both counted from 1), ``loss`` (the mean since the
    previous line), ``lr`` (the ``train`` line's rate times the schedule's factor), ``images_per_s``, ``waiting`` (the
    fraction of time spent waiting for data). At a validation: ``step``, ``epoch``, ``val_loss``, ``top1`` and ``top5``
    (the fractions of images whose class has the best score, or one of the five best), ``val_images``. Of a dense
    network, in place of ``top1`` and ``top5``: ``pixels_right`` (the fraction of the labelled pixels), ``mean_iou``,
    ``iou`` (of each class by its name, ``null`` if no pixel has or gets it), ``val_pixels`` (the number of labelled
    pixels). When a run is resumed, lines that were written after its checkpoint are removed.
``test.json``
    Of a finished run whose spec's ``test`` line has other ``views=`` than validation: the test with these views at its
    end, as ``netspec eval --format json`` prints it.
``unreadable.jsonl``
    One object for each image that could not be read: ``path``, ``reason``. Exists only if there are any.
``checkpoints/``
    The last two checkpoints, named after their steps: ``step-000000000.pt`` before the first step, then one at the end
    of each epoch and at the interval of ``--save-every``. A checkpoint that was found damaged when the run was resumed
    ends in ``.damaged``.
``curves.png``
    Loss and error over the steps, if matplotlib is installed; redrawn at most once a minute, and at the end.
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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from netspec.train.errors import RequestError, TrainError
from netspec.train.files import write_atomically
from netspec.train.locking import LockHeld, exclusive_lock

SPEC, FACTS, CHECKPOINTS, LOCK, TEST = "spec.net", "run.json", "checkpoints", ".lock", "test.json"
_METRICS, _UNREADABLE = "metrics.jsonl", "unreadable.jsonl"


class RunFolder:
    """The existing folder of one run, with methods that read and write its files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / CHECKPOINTS
        self.metrics = path / _METRICS
        self.curves = path / "curves.png"

    @classmethod
    def create(cls, out: Path | None, stem: str) -> RunFolder:
        """Create the folder ``out``, or ``runs/STEM-N`` with the first free N.

        Raises
        ------
        RequestError
            ``out`` is a file, is a folder that is not empty, or cannot be created.
        """
        try:
            path = _create_free(Path("runs"), stem) if out is None else _create_empty(out)
            folder = cls(path)
            folder.checkpoints.mkdir(exist_ok=True)
        except OSError as problem:
            raise RequestError(f"cannot make the run's folder {problem.filename}: {problem.strerror}") from problem
        return folder

    def write_spec(self, text: str) -> None:
        self._write(SPEC, text)

    def write_run(self, facts: Mapping[str, Any]) -> None:
        self._write(FACTS, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")

    def write_test(self, text: str) -> None:
        self._write(TEST, text)

    def remove_test(self) -> None:
        """Remove the test of a run that is trained further."""
        (self.path / TEST).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the files of a process that ended before its first checkpoint."""
        for path in (self.metrics, self.path / _UNREADABLE, *self.checkpoints.glob(".*.part")):
            path.unlink(missing_ok=True)
        self.checkpoints.mkdir(exist_ok=True)

    def flush_log(self) -> int:
        """Flush the log of metrics to disk, and return its length in bytes."""
        try:
            with self.metrics.open("r+b") as file:
                os.fsync(file.fileno())
                return file.seek(0, os.SEEK_END)
        except FileNotFoundError:
            return 0

    def rewind(self, length: int, step: int) -> bool:
        """Remove what was logged after the checkpoint at ``step``, when the log was ``length`` bytes long.

        Returns ``False`` if the log is shorter or has been changed; the complete lines up to that step are then kept.
        """
        try:
            content = self.metrics.read_bytes()
        except FileNotFoundError:
            content = b""
        intact = len(content) >= length and (length == 0 or content[length - 1 : length] == b"\n")
        if len(content) == length and intact:
            return True
        kept = content[:length] if intact else b"".join(_lines_up_to(content, step))
        write_atomically(self.metrics, kept)
        return intact

    def known_unreadable(self) -> set[str]:
        """Return the paths in ``unreadable.jsonl``, after removing an incomplete last line of a killed process."""
        path = self.path / _UNREADABLE
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return set()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            write_atomically(path, whole)
        return set(_paths(whole))

    def log(self, line: Mapping[str, Any]) -> None:
        """Append to ``metrics.jsonl``."""
        self._append(self.metrics, line)

    def log_unreadable(self, path: str, reason: str) -> None:
        """Append to ``unreadable.jsonl``."""
        self._append(self.path / _UNREADABLE, {"path": path, "reason": reason})

    def _write(self, name: str, text: str) -> None:
        write_atomically(self.path / name, text.encode("utf-8"))

    def _append(self, path: Path, line: Mapping[str, Any]) -> None:
        # JSON has no NaN or infinity; write null.
        clean = {key: None if isinstance(x, float) and not math.isfinite(x) else x for key, x in line.items()}
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(clean, ensure_ascii=False) + "\n")


def _lines_up_to(content: bytes, step: int) -> Iterator[bytes]:
    """Yield the complete lines of a log up to the first that belongs to a later step or cannot be parsed."""
    for line in content.splitlines(keepends=True):
        try:
            if not line.endswith(b"\n") or json.loads(line)["step"] > step:
                return
        except (ValueError, KeyError, TypeError):
            return
        yield line


def _paths(content: bytes) -> Iterator[str]:
    for line in content.splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):  # not a line that RunFolder wrote
            yield json.loads(line)["path"]


def is_run(path: Path) -> bool:
    """Whether a folder is a run, finished or not."""
    return (path / FACTS).is_file() or any((path / CHECKPOINTS).glob("step-*.pt"))


def read_spec(folder: Path) -> str:
    """Read a run's ``spec.net``, keeping its line endings. Raises ``OSError`` and ``UnicodeDecodeError``."""
    with (folder / SPEC).open(encoding="utf-8", newline="") as opened:
        return opened.read()


def read_facts(folder: Path) -> Mapping[str, Any]:
    """Read a run's ``run.json``; empty if it cannot be read."""
    try:
        facts = json.loads((folder / FACTS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a ``metrics.jsonl``, without an incomplete last line of a killed process."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(text) for text in file if text.endswith("\n")]


def _create_free(parent: Path, stem: str) -> Path:
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


_EARLY_FILES = frozenset((LOCK, f".{FACTS}.part", CHECKPOINTS))
"""What a process may have created in its folder if it was killed before it wrote ``run.json``."""


def _create_empty(out: Path) -> Path:
    if out.exists() and not (out.is_dir() and _is_free(out)):
        what = "a folder with something in it" if out.is_dir() else "a file"
        raise RequestError(f"--out {out} is {what}", "name a new folder; a run never writes over another")
    out.mkdir(parents=True, exist_ok=True)
    return out


def _is_free(folder: Path) -> bool:
    entries = {entry.name for entry in folder.iterdir()}
    return entries <= _EARLY_FILES and (CHECKPOINTS not in entries or not any((folder / CHECKPOINTS).iterdir()))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a run's folder against other processes.

    Raises
    ------
    TrainError
        Another process is training there, or the folder cannot be written.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(folder / LOCK))
        except LockHeld as error:
            message = f"another process is training in {folder}{_holder(folder)}"
            raise TrainError(message, "wait for it, or end it") from error
        except OSError as problem:
            raise TrainError(f"cannot write in {folder}: {problem.strerror}") from problem
        yield


def _holder(folder: Path) -> str:
    """Return ``: process 1234 on spruce`` according to ``run.json``, or an empty string if it does not say."""
    try:
        process = read_facts(folder)["process"]
        return f": process {process['pid']} on {process['host']}"
    except (KeyError, TypeError):
        return ""


def disk_problem(problem: OSError, folder: Path) -> TrainError:
    """Return the error for a run's folder that can no longer be written."""
    message = f"cannot write the run's files: {problem.strerror or problem}"
    if not any((folder / CHECKPOINTS).glob("step-*.pt")):
        return TrainError(
            message, f"when there is room again, remove {folder}, which has no checkpoint, and start anew"
        )
    return TrainError(
        message,
        "the checkpoints written before are intact; when there is room again, continue with",
        f"  {resuming(folder)}",
    )


def resuming(folder: Path) -> str:
    """The command that resumes a run."""
    return f"netspec train --resume {shlex.quote(str(folder))}"
