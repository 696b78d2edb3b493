"""Reading the newest intact checkpoint of a run, and reporting damaged ones."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from netspec.formatting import plural
from netspec.train.errors import TrainError
from netspec.train.runs import checkpoint
from netspec.train.runs.runfolder import CHECKPOINTS

Warn = Callable[[str], None]

REQUIRED: Mapping[str, type] = {
    "step": int,
    "weights": dict,
    "spec": str,
    "spec_sha256": str,
    "seed": int,
    "classes": list,
    "preparation": dict,
}
"""The keys, with types, that a checkpoint needs for its network to be usable."""

MEASURED = ("mean", "axes", "std")
"""What ``preparation`` has, see ``Preparation.state``."""

MAX_LISTED = 8
"""How many of the runs inside a folder are listed when the folder itself is not a run."""


def newest(folder: Path, warn: Warn) -> tuple[Path, dict[str, Any]]:
    """Return the path and the state of a run's newest readable checkpoint. ``warn`` is called for each damaged one.

    Raises
    ------
    TrainError
        The folder is not a run, or none of its checkpoints can be read.
    """
    files = checkpoint.list_checkpoints(folder / CHECKPOINTS)
    if not files:
        if folder.name == CHECKPOINTS and checkpoint.list_checkpoints(folder):
            raise TrainError(f"{folder} is the checkpoints folder of a run", f"did you mean {folder.parent}?")
        raise TrainError(f"{folder} is not a run: it contains no checkpoints", *runs_inside(folder))
    failures = []
    for path in reversed(files):
        try:
            state = read_checkpoint(path)
        except TrainError as problem:
            failures.append(problem)
            continue
        for failure in failures:
            warn(f"{failure.message}; taking the checkpoint before it, {path.name}")
        return path, state
    raise TrainError(f"no checkpoint of {folder} can be read", *(failure.message for failure in failures))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint after verifying its checksums.

    Raises
    ------
    TrainError
        The file cannot be read, is damaged, or is not a complete checkpoint; the message gives the reason.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
        if broken is not None:
            raise TrainError(f"{path} is damaged: the checksum of {broken} in it is wrong")
        state = checkpoint.load(path)
    except TrainError:
        raise
    except zipfile.BadZipFile as problem:
        raise TrainError(f"{path} is damaged or not a checkpoint: {problem}") from problem
    except OSError as problem:
        raise TrainError(f"cannot read {path}: {problem.strerror or problem}") from problem
    except Exception as problem:
        # torch's reader raises many kinds of exceptions for broken files.
        raise TrainError(f"{path} is damaged or not a checkpoint: {_first_line(problem)}") from problem
    if not isinstance(state, dict) or "format" not in state:
        raise TrainError(f"{path} is not a netspec checkpoint", "--weights takes tensors that other tools have saved")
    if state["format"] != checkpoint.FORMAT:
        raise TrainError(
            f"{path} is of format {state['format']}, this netspec reads {checkpoint.FORMAT}", "install the newest one"
        )
    missing = [key for key, kind in REQUIRED.items() if not isinstance(state.get(key), kind)]
    missing = missing or [f"preparation.{key}" for key in MEASURED if key not in state["preparation"]]
    if missing:
        raise TrainError(f"{path} is an incomplete checkpoint: it lacks {', '.join(missing)}")
    if sha256(state["spec"]) != state["spec_sha256"]:
        raise TrainError(
            f"{path} contradicts itself: its spec has the hash {sha256(state['spec'])[:12]}, and it says "
            f"{state['spec_sha256'][:12]}"
        )
    return state


def sha256(text: str) -> str:
    """The SHA-256 of a spec's text, which identifies the spec."""
    return hashlib.sha256(text.encode()).hexdigest()


def runs_inside(folder: Path) -> list[str]:
    """Return a note for a folder that is not a run: the runs inside it or, if there are none, what a run looks like."""
    inside = sorted(path.parent for path in folder.glob("*/checkpoints") if path.is_dir())
    if not inside:
        return ["a run is a folder that netspec train writes: spec.net, run.json, metrics.jsonl, checkpoints/"]
    shown = ", ".join(map(str, inside[:MAX_LISTED]))
    return [f"{plural(len(inside), 'run')} in it: {shown}{' ...' if len(inside) > MAX_LISTED else ''}"]


def _first_line(problem: Exception) -> str:
    text = str(problem).strip() or type(problem).__name__
    return text.splitlines()[0][:200]
