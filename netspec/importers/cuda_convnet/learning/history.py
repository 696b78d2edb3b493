"""Reconstruct the learning settings at the beginning of a run from its notes.

Parameter files were edited during a run, so they often contain the learning rates with which it ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.check.report import Findings
from netspec.formatting import format_literal
from netspec.importers.cuda_convnet.layers.model import Layer
from netspec.importers.cuda_convnet.learning.replay import Fall, Replay, close, commonest, replay_changes
from netspec.importers.cuda_convnet.learning.runs import Run
from netspec.importers.cuda_convnet.learning.schedules import Schedule
from netspec.importers.cuda_convnet.reading import Config
from netspec.source import Span

MAX_LISTED = 4
"""The most layers that one message names."""


@dataclass(frozen=True, slots=True)
class FileRates:
    """A layer's rates in the parameter file. ``scheduled``: at least one of its matrices has a schedule."""

    layer: Layer
    lr: tuple[float, ...]
    bias_lr: float
    scheduled: bool

    @property
    def rate(self) -> float:
        """The highest rate of its matrices."""
        return max(self.lr)


@dataclass(frozen=True, slots=True)
class InitialSettings:
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


def warn_of_last_state(runs: Sequence[Run], in_file: Mapping[str, FileRates], findings: Findings) -> None:
    """Warn once if the file contains rates that, according to its notes, were lowered during a run."""
    for run in runs:
        replay = _replay(run, in_file)
        lower = {
            name: (first, in_file[name].rate)
            for name, first in replay.first.items()
            if (falls := replay.falls.get(name)) and in_file[name].rate <= falls[0].rate * (1 + 1e-6)
        }
        if not lower:
            continue
        pairs = Counter(lower.values())
        (began, ends), _ = pairs.most_common(1)[0]
        others = [
            f"{_name_list(name for name, pair in lower.items() if pair == (was, now))}: "
            f"{format_literal(now)}, initially {format_literal(was)}"
            for was, now in pairs
            if (was, now) != (began, ends) or 2 * len(lower) < len(in_file)
        ]
        findings.warn(
            "cfg-last-state",
            f"the file has the rates at the end of a run: epsW={format_literal(ends)}, initially "
            f"{format_literal(began)}",
            min((replay.falls[name][0].change.span for name in lower), key=lambda span: span.start),
            notes=(*others, "--history uses the initial rates, and lowers them at the epochs in these notes"),
        )
        return


def initial_settings(
    runs: Sequence[Run], config: Config, in_file: Mapping[str, FileRates], findings: Findings
) -> InitialSettings:
    """Reconstruct the beginning of the first run with changes of rates.

    Notes that a spec cannot express, and information that is missing from the notes, are reported.
    """
    runs = [run for run in runs if run.changes]
    if not runs:
        place = next((section.span for section in config.sections.values()), Span(config.source, 0, 0))
        findings.add("cfg-no-history", f"{config.source.name} has no notes about changed rates", place)
        return InitialSettings()
    run = runs[0]
    messages = _NoteMessages(findings)
    replay = _replay(run, in_file)
    for span, why in [*replay.problems, *((note.span, note.why) for note in run.unread)]:
        messages.not_followed(span, why)
    scheduled = any(layer_rates.scheduled for layer_rates in in_file.values())
    lr = {name: _first_rates(name, replay, in_file, config, findings) for name in in_file}
    schedules = _schedules(replay, in_file, run, messages, scheduled=scheduled)
    if any(change.biases or change.both for change in run.changes):
        biases = _replay(run, in_file, biases=True)
        for span, why in biases.problems:
            messages.not_followed(span, why)
        bias_lr = {name: biases.first.get(name, layer_rates.bias_lr) for name, layer_rates in in_file.items()}
        bias_schedules = _schedules(biases, in_file, run, messages, scheduled=scheduled)
    else:
        bias_lr, stopped = _bias_rates_without_notes(replay, in_file, config, findings)
        bias_schedules = {
            name: Schedule("steps", freeze=schedules[name].freeze)
            for name in stopped
            if name in schedules and schedules[name].freeze
        }
    augment = _colour(run, messages)
    if len(runs) > 1:
        lines = ", ".join(f"line {other.changes[0].span.line}" for other in runs[1:])
        message = f"the notes describe {len(runs)} runs, and the first is used; the others are at {lines}"
        messages.left_out(runs[1].changes[0].span, message)
    messages.report()
    train = _epochs_and_batch(run, findings, scheduled=scheduled)
    return InitialSettings(lr, bias_lr, schedules, bias_schedules, train, augment)


class _NoteMessages:
    """Collects messages about notes: each message about a line is given once, with all layers that it applies to."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.all: dict[tuple[int, bool, str], tuple[Span, list[str]]] = {}

    def not_followed(self, span: Span, why: str) -> None:
        self._add(span, True, f"this note is not followed: {why}", [])

    def left_out(self, span: Span, why: str, names: Iterable[str] = ()) -> None:
        self._add(span, False, why, names)

    def _add(self, span: Span, unread: bool, message: str, names: Iterable[str]) -> None:
        _, layers = self.all.setdefault((span.start, unread, message), (span, []))
        layers += [name for name in names if name not in layers]

    def report(self) -> None:
        """Add all messages to the findings, in the order of the lines."""
        for (_, unread, message), (span, names) in sorted(self.all.items(), key=lambda item: item[0][0]):
            text = f"{_name_list(names)}: {message}" if names else message
            self.findings.warn("cfg-unread-note" if unread else "cfg-left-out", text, span)


def _replay(run: Run, in_file: Mapping[str, FileRates], *, biases: bool = False) -> Replay:
    """Replay the changes of weights' rates in a run, or those of biases' rates."""
    changes = [change for change in run.changes if change.both or change.biases == biases]
    rates = {name: layer_rates.bias_lr if biases else layer_rates.rate for name, layer_rates in in_file.items()}
    return replay_changes(changes, {name: layer_rates.layer for name, layer_rates in in_file.items()}, rates)


def _schedules(
    replay: Replay, in_file: Mapping[str, FileRates], run: Run, messages: _NoteMessages, *, scheduled: bool
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


def _steps(falls: Sequence[Fall], run: Run, messages: _NoteMessages, names: Sequence[str]) -> Schedule | None:
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


def _first_rates(
    name: str, replay: Replay, in_file: Mapping[str, FileRates], config: Config, findings: Findings
) -> tuple[float, ...]:
    """Return the first rates of a layer's matrices.

    If the file has a rate that the notes do not mention, it is assumed to have been lowered by the same factor as the
    rates of the layers with the same history.
    """
    layer_rates = in_file[name]
    if name not in replay.first:
        return layer_rates.lr
    first, falls = replay.first[name], [(fall.epoch, fall.rate) for fall in replay.falls.get(name, ())]
    noted_rates = {first, *(rate for _, rate in falls)}
    same_history = [
        rate
        for other in in_file
        if replay.first.get(other) == first and [(f.epoch, f.rate) for f in replay.falls.get(other, ())] == falls
        for rate in in_file[other].lr
    ]
    usual = commonest(same_history) or 0.0
    rates = []
    for rate in layer_rates.lr:
        if close(rate, usual) or any(close(rate, noted) for noted in noted_rates):
            rates.append(first)
            continue
        rates.append(float(f"{first * rate / usual:.9g}") if usual else rate)
        findings.warn(
            "cfg-substitute",
            f"{name}: the notes do not mention the rate {format_literal(rate)}; its initial value is assumed to be "
            f"{format_literal(rates[-1])}",
            config.sections[name].options["epsw"].span,
            notes=(
                f"others that were lowered with it have {format_literal(usual)}, initially {format_literal(first)}",
            ),
            layer=name,
        )
    return tuple(rates)


def _bias_rates_without_notes(
    replay: Replay, in_file: Mapping[str, FileRates], config: Config, findings: Findings
) -> tuple[dict[str, float], list[str]]:
    """Return the first rates of biases if the notes do not mention them, and the layers that were stopped.

    These are the rates in the file, except in stopped layers, where they are 0: there the most common rate is assumed.
    """
    usual = commonest([layer_rates.bias_lr for layer_rates in in_file.values() if layer_rates.bias_lr]) or 0.0
    stopped = [
        n
        for n, layer_rates in in_file.items()
        if not layer_rates.bias_lr and not layer_rates.rate and replay.first.get(n, 0.0) and usual
    ]
    if stopped:
        message = f"the notes do not give the initial epsB; {format_literal(usual)}, that of most layers, is assumed"
        place = config.sections[stopped[0]].options["epsb"].span
        findings.warn("cfg-substitute", f"{_name_list(stopped)}: {message}", place)
    return {name: usual if name in stopped else layer_rates.bias_lr for name, layer_rates in in_file.items()}, stopped


def _epochs_and_batch(run: Run, findings: Findings, *, scheduled: bool) -> dict[str, str]:
    """Return ``epochs=`` and ``batch=`` of the train line."""
    end = run.end
    if end is None:
        what = "state the number of epochs: train epochs=90"
        if not scheduled and run.last > run.changes[-1].epoch:
            end, what = run.last, f"the last that they name, {format_literal(run.last)}, is assumed"
        findings.warn(
            "cfg-substitute", f"the notes do not say at which epoch the run ended; {what}", run.changes[-1].span
        )
    keys = {} if end is None else {"epochs": str(max(1, int(end + 0.5)))}
    if run.end_line is not None and end != int(end or 0):
        message = f"a spec's epochs are whole: {keys['epochs']}, not {format_literal(end or 0)}"
        findings.warn("cfg-left-out", message, run.end_line)
    if run.batch is not None:
        keys["batch"] = str(run.batch)
    return keys


def _colour(run: Run, messages: _NoteMessages) -> dict[str, str]:
    """Return the colour noise at the beginning of the run as the key ``colour`` of the augment line."""
    std = 0.0
    for i, colour in enumerate(run.colours):
        if i == 0:
            std = colour.to if not colour.epoch else colour.was or 0.0
        if colour.epoch:
            what = (
                f"the noise of the colours was {format_literal(colour.to)} from epoch {format_literal(colour.epoch)} on"
            )
            messages.left_out(colour.span, f"{what}; a spec's augmentation is the same in all epochs")
    return {"colour": f"pca({format_literal(std)})"} if std else {}


def _name_list(names: Iterable[str]) -> str:
    """Return a list of names as text: at most the first four, and the number of others."""
    listed = list(names)
    more = f" and {len(listed) - MAX_LISTED} more" if len(listed) > MAX_LISTED else ""
    return ", ".join(listed[:MAX_LISTED]) + more
