"""Turn the reductions of rates in a run into schedules of a spec: ``steps(...)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.formatting import format_literal
from netspec.importers.cuda_convnet.learning.note_messages import NoteMessages
from netspec.importers.cuda_convnet.learning.replay import Fall, FileRates, Replay, close
from netspec.importers.cuda_convnet.learning.runs import Run
from netspec.importers.cuda_convnet.learning.schedules import Schedule


def step_schedules(
    replay: Replay, in_file: Mapping[str, FileRates], run: Run, messages: NoteMessages, *, scheduled: bool
) -> dict[str, Schedule]:
    """Return the schedules of the layers whose rates were lowered."""
    names_by_falls: dict[tuple[tuple[float, float], ...], list[str]] = {}
    for name in in_file:
        key = tuple((fall.epoch, float(f"{fall.ratio:.6g}")) for fall in replay.falls.get(name, ()))
        names_by_falls.setdefault(key, []).append(name)
    schedules: dict[str, Schedule] = {}
    for key, names in names_by_falls.items():
        falls = replay.falls.get(names[0], [])
        shown = names if len(names) < len(in_file) else []
        if scheduled:
            for fall in falls:
                messages.left_out(fall.change.span, "a spec cannot combine steps with the schedule of the file", shown)
        elif key and (steps := _steps(falls, run, messages, shown)) is not None:
            schedules |= dict.fromkeys(names, steps)
    return schedules


def _steps(falls: Sequence[Fall], run: Run, messages: NoteMessages, names: Sequence[str]) -> Schedule | None:
    """Return the schedule ``steps(...)`` for a sequence of falls.

    It ends before the first fall that it cannot express, which is reported for these layers.
    """
    epochs: list[int] = []
    factor, freeze = 1.0, 0
    for fall in falls:
        epoch = max(1, int(fall.epoch + 0.5))
        why = _why_no_step(fall, epoch, epochs, factor, run)
        if why:
            messages.left_out(fall.change.span, why, names)
            break
        if epoch != fall.epoch:
            why = f"a spec's steps are at whole epochs: {epoch}, not {format_literal(fall.epoch)}"
            messages.left_out(fall.change.span, why, names)
        if fall.rate:
            factor = float(f"{fall.ratio:.9g}")
            epochs.append(epoch)
        else:
            freeze = epoch
    return Schedule("steps", 1 / factor, epochs=tuple(epochs), freeze=freeze) if epochs or freeze else None


def _why_no_step(fall: Fall, epoch: int, epochs: Sequence[int], factor: float, run: Run) -> str:
    """Return why a fall cannot be the next step of a schedule with these epochs and this factor; empty if it can."""
    if run.end is not None and fall.epoch >= run.end:
        return f"the run ended at epoch {format_literal(run.end)}"
    if epochs and epoch <= epochs[-1]:
        return (
            "a spec's steps are at whole epochs, and two of these fall into one; the rate stays constant from here on"
        )
    if epochs and fall.rate and not close(fall.ratio, factor):
        return "a spec's steps have one factor, and this is another one; the rate stays constant from here on"
    return ""
