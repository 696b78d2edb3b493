"""Reconstruct the learning settings at the beginning of a run from its notes.

Parameter files were edited during a run, so they often contain the learning rates with which it ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.layers.model import Layer
from netspec.importers.cuda_convnet.learning.replay import Fall, Replay, close, commonest, replayed
from netspec.importers.cuda_convnet.learning.runs import Run
from netspec.importers.cuda_convnet.learning.schedules import Schedule
from netspec.importers.cuda_convnet.reading import Config
from netspec.source import Span
from netspec.units import literal

MOST_NAMED = 4
"""The most layers that one message names."""


@dataclass(frozen=True, slots=True)
class Held:
    """A layer's settings in the parameter file: the rates of its matrices and its biases, and whether any of its
    matrices has a schedule."""

    layer: Layer
    lr: tuple[float, ...]
    bias_lr: float
    scheduled: bool

    @property
    def rate(self) -> float:
        """The highest rate of its matrices."""
        return max(self.lr)


@dataclass(frozen=True, slots=True)
class Beginning:
    """The settings at the beginning of a run, and the changes during it.

    These are the first rates of each layer's matrices and biases, their schedules where they differ from those in the
    file, and keys of the spec's ``train`` and ``augment`` lines.
    """

    lr: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    bias_lr: Mapping[str, float] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    bias_schedules: Mapping[str, Schedule] = field(default_factory=dict)
    train: Mapping[str, str] = field(default_factory=dict)
    augment: Mapping[str, str] = field(default_factory=dict)


def warn_of_last_state(runs: Sequence[Run], held: Mapping[str, Held], findings: Findings) -> None:
    """Warn once if the file contains rates that, according to its notes, were lowered during a run."""
    for run in runs:
        past = _replay(run, held)
        lower = {
            name: (first, held[name].rate)
            for name, first in past.first.items()
            if (falls := past.falls.get(name)) and held[name].rate <= falls[0].rate * (1 + 1e-6)
        }
        if not lower:
            continue
        pairs = Counter(lower.values())
        (began, ends), _ = pairs.most_common(1)[0]
        others = [
            f"{_named(name for name, own in lower.items() if own == (was, now))}: "
            f"{literal(now)}, {literal(was)} at first"
            for was, now in pairs
            if (was, now) != (began, ends) or 2 * len(lower) < len(held)
        ]
        findings.warn(
            "cfg-last-state",
            f"the file holds rates that a run ended with: epsW={literal(ends)}, which was {literal(began)} at first",
            min((past.falls[name][0].change.span for name in lower), key=lambda span: span.start),
            notes=(*others, "--history takes the first rates, and lowers them when these notes say it was done"),
        )
        return


def beginning(runs: Sequence[Run], config: Config, held: Mapping[str, Held], findings: Findings) -> Beginning:
    """Reconstruct the beginning of the first run with changes of rates.

    Notes that a spec cannot express, and information that is missing from the notes, are reported.
    """
    runs = [run for run in runs if run.changes]
    if not runs:
        place = next((section.span for section in config.sections.values()), Span(config.source, 0, 0))
        findings.add("cfg-no-history", f"{config.source.name} has no notes of rates that were changed", place)
        return Beginning()
    run = runs[0]
    told = _Told(findings)
    past = _replay(run, held)
    for span, why in [*past.problems, *((one.span, one.why) for one in run.unread)]:
        told.unread(span, why)
    scheduled = any(own.scheduled for own in held.values())
    lr = {name: _rates_of(name, past, held, config, findings) for name in held}
    schedules = _schedules(past, held, run, told, scheduled=scheduled)
    if any(change.biases or change.both for change in run.changes):
        biases = _replay(run, held, biases=True)
        for span, why in biases.problems:
            told.unread(span, why)
        bias_lr = {name: biases.first.get(name, own.bias_lr) for name, own in held.items()}
        bias_schedules = _schedules(biases, held, run, told, scheduled=scheduled)
    else:
        bias_lr, stopped = _untold_biases(past, held, config, findings)
        bias_schedules = {
            name: Schedule("steps", freeze=schedules[name].freeze)
            for name in stopped
            if name in schedules and schedules[name].freeze
        }
    augment = _colour(run, told)
    if len(runs) > 1:
        lines = ", ".join(f"line {other.changes[0].span.line}" for other in runs[1:])
        message = f"the notes tell of {len(runs)} runs, and the first is taken; others are told at {lines}"
        told.left_out(runs[1].changes[0].span, message)
    told.report()
    train = _length(run, findings, scheduled=scheduled)
    return Beginning(lr, bias_lr, schedules, bias_schedules, train, augment)


class _Told:
    """Collects messages about notes: each message about a line is given once, with all layers that it applies to."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.all: dict[tuple[int, bool, str], tuple[Span, list[str]]] = {}

    def unread(self, span: Span, why: str) -> None:
        self._add(span, True, f"this note is not followed: {why}", [])

    def left_out(self, span: Span, why: str, names: Iterable[str] = ()) -> None:
        self._add(span, False, why, names)

    def _add(self, span: Span, unread: bool, message: str, names: Iterable[str]) -> None:
        _, layers = self.all.setdefault((span.start, unread, message), (span, []))
        layers += [name for name in names if name not in layers]

    def report(self) -> None:
        """Add all messages to the findings, in the order of the lines."""
        for (_, unread, message), (span, names) in sorted(self.all.items(), key=lambda item: item[0][0]):
            whole = f"{_named(names)}: {message}" if names else message
            self.findings.warn("cfg-unread-note" if unread else "cfg-left-out", whole, span)


def _replay(run: Run, held: Mapping[str, Held], *, biases: bool = False) -> Replay:
    """Replay the changes of weights' rates in a run, or those of biases' rates."""
    changes = [change for change in run.changes if change.both or change.biases == biases]
    rates = {name: own.bias_lr if biases else own.rate for name, own in held.items()}
    return replayed(changes, {name: own.layer for name, own in held.items()}, rates)


def _schedules(
    past: Replay, held: Mapping[str, Held], run: Run, told: _Told, *, scheduled: bool
) -> dict[str, Schedule]:
    """Return the schedules of the layers whose rates were lowered."""
    alike: dict[tuple[tuple[float, float], ...], list[str]] = {}
    for name in held:
        key = tuple((fall.epoch, float(f"{fall.ratio:.6g}")) for fall in past.falls.get(name, ()))
        alike.setdefault(key, []).append(name)
    found: dict[str, Schedule] = {}
    for key, names in alike.items():
        falls, shown = past.falls.get(names[0], []), names if len(names) < len(held) else []
        if scheduled:
            for fall in falls:
                told.left_out(fall.change.span, "a spec has no steps beside the schedule of the file", shown)
        elif key and (steps := _steps(falls, run, told, shown)) is not None:
            found |= dict.fromkeys(names, steps)
    return found


def _steps(falls: Sequence[Fall], run: Run, told: _Told, names: Sequence[str]) -> Schedule | None:
    """Return the schedule ``steps(...)`` for a sequence of falls.

    It ends before the first fall that it cannot express, which is reported for these layers.
    """
    epochs: list[int] = []
    factor, freeze = 1.0, 0
    for fall in falls:
        whole = max(1, int(fall.epoch + 0.5))
        why = _no_step(fall, whole, epochs, factor, run)
        if why:
            told.left_out(fall.change.span, why, names)
            break
        if whole != fall.epoch:
            why = f"a spec's steps are at whole epochs: {whole}, not {literal(fall.epoch)}"
            told.left_out(fall.change.span, why, names)
        if fall.rate:
            factor = float(f"{fall.ratio:.9g}")
            epochs.append(whole)
        else:
            freeze = whole
    return Schedule("steps", 1 / factor, epochs=tuple(epochs), freeze=freeze) if epochs or freeze else None


def _no_step(fall: Fall, whole: int, epochs: Sequence[int], factor: float, run: Run) -> str:
    """Return why a fall cannot be the next step of a schedule with these epochs and this factor; empty if it can."""
    if run.end is not None and fall.epoch >= run.end:
        return f"the run ended at epoch {literal(run.end)}"
    if epochs and whole <= epochs[-1]:
        return "a spec's steps are at whole epochs, and two of these are in one; the rate stays from here on"
    if epochs and fall.rate and not close(fall.ratio, factor):
        return "a spec's steps have one factor, and this is another; the rate stays from here on"
    return ""


def _rates_of(
    name: str, past: Replay, held: Mapping[str, Held], config: Config, findings: Findings
) -> tuple[float, ...]:
    """Return the first rates of a layer's matrices.

    If the file has a rate that the notes do not mention, it is assumed to have been lowered by the same factor as the
    rates of the layers with the same history.
    """
    own = held[name]
    if name not in past.first:
        return own.lr
    first, falls = past.first[name], [(fall.epoch, fall.rate) for fall in past.falls.get(name, ())]
    known = {first, *(rate for _, rate in falls)}
    alike = [
        rate
        for other in held
        if past.first.get(other) == first and [(f.epoch, f.rate) for f in past.falls.get(other, ())] == falls
        for rate in held[other].lr
    ]
    usual = commonest(alike) or 0.0
    rates = []
    for rate in own.lr:
        if close(rate, usual) or any(close(rate, one) for one in known):
            rates.append(first)
            continue
        rates.append(float(f"{first * rate / usual:.9g}") if usual else rate)
        findings.warn(
            "cfg-substitute",
            f"{name}: the notes know no rate of {literal(rate)}; {literal(rates[-1])} is taken for the first",
            config.sections[name].options["epsw"].span,
            notes=(f"others that were lowered with it have {literal(usual)}, and had {literal(first)}",),
            layer=name,
        )
    return tuple(rates)


def _untold_biases(
    past: Replay, held: Mapping[str, Held], config: Config, findings: Findings
) -> tuple[dict[str, float], list[str]]:
    """Return the first rates of biases if the notes do not mention them, and the layers that were stopped.

    These are the rates in the file, except in stopped layers, where they are 0: there the most common rate is assumed.
    """
    usual = commonest([own.bias_lr for own in held.values() if own.bias_lr]) or 0.0
    stopped = [n for n, own in held.items() if not own.bias_lr and not own.rate and past.first.get(n, 0.0) and usual]
    if stopped:
        message = f"the notes do not say what epsB was at first; {literal(usual)}, that of most layers, is taken"
        place = config.sections[stopped[0]].options["epsb"].span
        findings.warn("cfg-substitute", f"{_named(stopped)}: {message}", place)
    return {name: usual if name in stopped else own.bias_lr for name, own in held.items()}, stopped


def _length(run: Run, findings: Findings, *, scheduled: bool) -> dict[str, str]:
    """Return ``epochs=`` and ``batch=`` of the train line."""
    end = run.end
    if end is None:
        what = "say how many epochs it has: train epochs=90"
        if not scheduled and run.last > run.changes[-1].epoch:
            end, what = run.last, f"the last that they name, {literal(run.last)}, is taken"
        findings.warn(
            "cfg-substitute", f"the notes do not say at which epoch the run ended; {what}", run.changes[-1].span
        )
    keys = {} if end is None else {"epochs": str(max(1, int(end + 0.5)))}
    if run.ended is not None and end != int(end or 0):
        message = f"a spec's epochs are whole: {keys['epochs']}, not {literal(end or 0)}"
        findings.warn("cfg-left-out", message, run.ended)
    if run.batch is not None:
        keys["batch"] = str(run.batch)
    return keys


def _colour(run: Run, told: _Told) -> dict[str, str]:
    """Return the colour noise at the beginning of the run as the key ``colour`` of the augment line."""
    std = 0.0
    for i, colour in enumerate(run.colours):
        if i == 0:
            std = colour.to if not colour.epoch else colour.was or 0.0
        if colour.epoch:
            what = f"the noise of the colours was {literal(colour.to)} from epoch {literal(colour.epoch)} on"
            told.left_out(colour.span, f"{what}; a spec's augmentation is the same in all epochs")
    return {"colour": f"pca({literal(std)})"} if std else {}


def _named(names: Iterable[str]) -> str:
    """Return a list of names as text: at most the first four, and the number of others."""
    every = list(names)
    return ", ".join(every[:MOST_NAMED]) + (f" and {len(every) - MOST_NAMED} more" if len(every) > MOST_NAMED else "")
