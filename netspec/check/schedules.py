"""Warnings about schedules: changes that come after the end of the training, and a momentum that cannot fall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from netspec.check.facts import LayerFacts
from netspec.check.report import Findings
from netspec.check.statements import BAD, Settings
from netspec.formatting import format_number, plural
from netspec.ir.rules import momentum_of
from netspec.ir.schedules import OneCycle, Restarts, Step, Steps
from netspec.keys.kind import one_of
from netspec.keys.update_rules import WITH_MOMENTUM, word_of
from netspec.language.syntax import Pair
from netspec.lowering import PerInput

_KEYS = ("schedule", "bias_schedule")


def warn_of_late_changes(layers: Sequence[LayerFacts], settings: Settings, findings: Findings) -> None:
    """Warn about each schedule with a change of the rate at or after the end of the training.

    Schedules and lengths in different units are not compared: how many steps an epoch has is not in the file.
    """
    for pair, value, layer in _schedules(layers, settings):
        for schedule in value.values if isinstance(value, PerInput) else (value,):
            found = _late_change(schedule, settings)
            if found:
                message, notes = found
                whose = f"{layer}'s" if layer else "the"
                findings.warn("schedule-too-long", f"{whose} {message}", pair.span, notes=notes, layer=layer)
                break


def warn_of_low_momentum(settings: Settings, findings: Findings) -> None:
    """Warn about a ``low_momentum`` to which no momentum of the train line can fall."""
    schedule, momentum = settings.train.schedule, momentum_of(settings.train.rule)
    if not isinstance(schedule, OneCycle) or schedule.low_momentum is None:
        return
    if momentum is None:
        why = f"it belongs to {one_of(WITH_MOMENTUM)}, and the train line has optimizer={word_of(settings.train.rule)}"
    elif momentum <= schedule.low_momentum:
        why = f"the momentum of the optimizer is {format_number(momentum)}, which is not higher"
    else:
        return
    findings.warn("no-effect", "low_momentum has no effect", settings.pairs("train")["schedule"].span, notes=(why,))


def _schedules(layers: Sequence[LayerFacts], settings: Settings) -> Iterator[tuple[Pair, Any, str]]:
    """Yield each schedule that is written: its pair, its value, and its layer if it is one's own."""
    for key, pair in settings.pairs("train").items():
        if key in _KEYS:
            yield pair, getattr(settings.train, key), ""
    for word, pairs in settings.default_pairs.items():
        yield from ((pairs[key], settings.defaults[word].get(key, BAD), "") for key in _KEYS if key in pairs)
    for facts in layers:
        own = [key for key in _KEYS if key in facts.section.body.keys]
        yield from ((facts.pairs[key], facts.values[key], facts.name) for key in own)


def _late_change(schedule: Any, settings: Settings) -> tuple[str, tuple[str, ...]] | None:
    """Return what a schedule does too late, with notes, or ``None``. A single cycle needs no restart."""
    if not isinstance(schedule, Step | Steps | Restarts):
        return None
    whole = settings.train.epochs if schedule.unit == "epochs" else settings.train.steps
    single = isinstance(schedule, Restarts) and schedule.every == whole
    late = [] if whole is None or single else [start for start in _changes(schedule) if start >= whole]
    if whole is None or not late:
        return None
    unit, start = schedule.unit[:-1], format_number(late[0])
    end = f"the training ends after {plural(whole, unit)}"
    notes = [f"the {schedule.unit} are counted from 0, and the last one is {unit} {format_number(whole - 1)}"]
    if unit == "epoch":
        notes.append("with unit=steps, a schedule counts steps")
    if "epochs" not in settings.pairs("train") and unit == "epoch":
        notes.append("train epochs=90 makes a training of 90 epochs")
    if isinstance(schedule, Restarts):
        return f"first cycle takes {start} {schedule.unit}, and {end}", tuple(notes[1:])
    return f"rate changes at {unit} {start}, and {end}", tuple(notes)


def _changes(schedule: Step | Steps | Restarts) -> Iterator[int | float]:
    """Yield the epochs or steps at whose start the rate changes; of those that go on for ever, the first."""
    if isinstance(schedule, Steps):
        yield from schedule.starts
        if schedule.freeze is not None:
            yield schedule.freeze
    else:
        yield schedule.every
