"""Checkpoint files: tensors and plain containers in one file, written atomically."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

from netspec.train.files import atomic_file

KEEP = 2
"""How many checkpoints of a run are kept."""

FORMAT = 1
"""The version of the checkpoint format."""

_NAME = re.compile(r"step-(\d+)\.pt")


def save(folder: Path, step: int, state: Mapping[str, Any]) -> Path:
    """Write ``step-STEP.pt`` atomically, then remove all checkpoints but the last two. Return the file's path.

    ``state`` may contain tensors, numbers, strings, lists and dictionaries: what ``torch.load(weights_only=True)``
    reads.

    Raises
    ------
    OSError
        The disk is full, or the folder cannot be written. Earlier checkpoints are not affected.
    """
    final = folder / f"step-{step:09d}.pt"
    failed: list[OSError] = []
    try:
        with atomic_file(final) as file:
            torch.save({"format": FORMAT, "step": step, **state}, cast(BinaryIO, _Writer(file, failed)))
    except RuntimeError as problem:
        # torch's writer replaces the file's OSError by a RuntimeError that does not give the reason.
        raise (failed[0] if failed else OSError(str(problem))) from problem
    _flush_folder(folder)
    _prune(folder)
    return final


class _Writer:
    """A file that records its errors in ``failed``, because torch's writer hides them."""

    def __init__(self, file: BinaryIO, failed: list[OSError]) -> None:
        self._file, self._failed = file, failed

    def write(self, content: bytes) -> int:
        try:
            return self._file.write(content)
        except OSError as problem:
            self._failed.append(problem)
            raise

    def flush(self) -> None:
        self._file.flush()


def list_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoint files in a folder, oldest first."""
    return sorted((path for path in folder.glob("step-*.pt") if _NAME.fullmatch(path.name)), key=step_of)


def step_of(path: Path) -> int:
    """The step in a checkpoint's file name."""
    return int(path.stem.removeprefix("step-"))


def load(path: Path) -> dict[str, Any]:
    """Load a checkpoint's state, onto the CPU. Code in the file is not executed."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def set_aside_after(folder: Path, step: int) -> None:
    """Rename the checkpoints after ``step``, which could not be read, to ``.pt.damaged``."""
    for path in list_checkpoints(folder):
        if step_of(path) > step:
            path.replace(path.with_name(f"{path.name}.damaged"))


def _prune(folder: Path) -> None:
    for path in list_checkpoints(folder)[:-KEEP]:
        path.unlink(missing_ok=True)
    for left_over in folder.glob(".step-*.part"):  # from a process that was killed while writing
        left_over.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Make the rename durable, so that it survives a power failure, on systems that can flush folders."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
