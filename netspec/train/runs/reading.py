"""Reading the checkpoints of a run: the newest one that is whole, and what is told of those that are not."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from netspec.train.errors import TrainError
from netspec.train.runs import checkpoint
from netspec.train.runs.runfolder import CHECKPOINTS
from netspec.units import plural

Warn = Callable[[str], None]

HOLDS: Mapping[str, type] = {
    "step": int,
    "weights": dict,
    "spec": str,
    "spec_sha256": str,
    "seed": int,
    "classes": list,
    "preparation": dict,
}
"""What a checkpoint must hold for its network to be used, and what kind of thing each is."""

MOST_NAMED = 8
"""How many runs are named that lie in a folder which is none."""


def newest(folder: Path, warn: Warn) -> tuple[Path, dict[str, Any]]:
    """A run's newest checkpoint that can be read, and what it holds.

    Raises
    ------
    TrainError
        The folder is no run, or none of its checkpoints can be read.
    """
    found = checkpoint.saved(folder / CHECKPOINTS)
    if not found:
        if folder.name == CHECKPOINTS and checkpoint.saved(folder):
            raise TrainError(f"{folder} is no run, but a run's folder of checkpoints", f"did you mean {folder.parent}?")
        raise TrainError(f"{folder} is no run: there are no checkpoints in it", *runs_inside(folder))
    problems = []
    for path in reversed(found):
        try:
            state = read_checkpoint(path)
        except TrainError as problem:
            problems.append(problem)
            continue
        for passed in problems:
            warn(f"{passed.message}; taking the checkpoint before it, {path.name}")
        return path, state
    raise TrainError(f"no checkpoint of {folder} can be read", *(passed.message for passed in problems))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, once it is known to be whole: every byte is compared with its checksum.

    Raises
    ------
    TrainError
        With the reason in a few words, for whatever is wrong with the file.
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
        raise TrainError(f"{path} is damaged, or no checkpoint: {problem}") from problem
    except OSError as problem:
        raise TrainError(f"cannot read {path}: {problem.strerror or problem}") from problem
    except Exception as problem:
        # torch's reader raises many kinds of exceptions on broken files; whichever it is, the file is what is wrong.
        raise TrainError(f"{path} is damaged, or no checkpoint: {_first_line(problem)}") from problem
    if not isinstance(state, dict) or "format" not in state:
        raise TrainError(f"{path} is no checkpoint of netspec's", "--weights takes tensors that other tools have saved")
    if state["format"] != checkpoint.FORMAT:
        raise TrainError(
            f"{path} is of format {state['format']}, this netspec reads {checkpoint.FORMAT}", "install the newest one"
        )
    lacking = [key for key, kind in HOLDS.items() if not isinstance(state.get(key), kind)]
    if lacking:
        raise TrainError(f"{path} is no whole checkpoint: it lacks {', '.join(lacking)}")
    if sha256(state["spec"]) != state["spec_sha256"]:
        raise TrainError(
            f"{path} contradicts itself: its spec has the hash {sha256(state['spec'])[:12]}, and it says "
            f"{state['spec_sha256'][:12]}"
        )
    return state


def sha256(text: str) -> str:
    """The SHA-256 of a spec's text, by which it is known again."""
    return hashlib.sha256(text.encode()).hexdigest()


def runs_inside(folder: Path) -> list[str]:
    """What to name in place of a folder that is no run: the runs in it."""
    inside = sorted(path.parent for path in folder.glob("*/checkpoints") if path.is_dir())
    if not inside:
        return ["a run is what netspec train leaves: spec.net, run.json, metrics.jsonl, checkpoints/"]
    shown = ", ".join(map(str, inside[:MOST_NAMED]))
    return [f"{plural(len(inside), 'run')} in it: {shown}{' ...' if len(inside) > MOST_NAMED else ''}"]


def _first_line(problem: Exception) -> str:
    text = str(problem).strip() or type(problem).__name__
    return text.splitlines()[0][:200]
