"""Reconstruct the learning settings at the beginning of a run from its notes.

Parameter files were edited during a run, so they often contain the learning rates with which it ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from netspec.check.report import Findings
from netspec.formatting import format_literal, listed
from netspec.importers.cuda_convnet.learning.rates import Rates, commonest
from netspec.importers.cuda_convnet.learning.replay import Fall, Replay, close, replay_run
from netspec.importers.cuda_convnet.learning.runs import Run
from netspec.importers.cuda_convnet.learning.schedules import Schedule
from netspec.importers.cuda_convnet.reading import Config
from netspec.source import Span

MAX_LISTED = 4
"""The most layers that one message names."""


class _Messages:
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


def _name_list(names: Iterable[str]) -> str:
    """Return a list of names as text: at most the first four, and the number of others."""
    return listed([*names], MAX_LISTED)


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


def initial_settings(
    runs: Sequence[Run], config: Config, in_file: Mapping[str, Rates], findings: Findings
) -> InitialSettings:
    """Reconstruct the beginning of the first run with changes of rates.

    Notes that a spec cannot express, and information that is missing from the notes, are reported.
    """
    runs = [run for run in runs if run.changes]
    if not runs:
        place = next((section.span for section in config.sections.values()), Span(config.source, 0, 0))
        findings.add("cfg-no-history", f"{config.source.name} has no notes about changed rates", place)
        return InitialSettings()
    messages = _Messages(findings)
    first = _Reconstruction(runs[0], config, in_file, findings, messages)
    rates, augment = first.rates(), first.colour()
    if len(runs) > 1:
        lines = ", ".join(f"line {other.changes[0].span.line}" for other in runs[1:])
        message = f"the notes describe {len(runs)} runs, and the first is used; the others are at {lines}"
        messages.left_out(runs[1].changes[0].span, message)
    messages.report()
    return replace(rates, train=first.epochs_and_batch(), augment=augment)


@dataclass(frozen=True, slots=True)
class _Reconstruction:
    """A run in the notes of a parameter file (``config``), which has the rates ``in_file``, and what is reported."""

    run: Run
    config: Config
    in_file: Mapping[str, Rates]
    findings: Findings
    messages: _Messages

    @property
    def scheduled(self) -> bool:
        """Whether rates have a schedule in the file."""
        return any(r.scheduled for r in self.in_file.values())

    def rates(self) -> InitialSettings:
        """Return the first rates of all layers, and their schedules."""
        replay = self._replayed()
        for note in self.run.unread:
            self.messages.not_followed(note.span, note.why)
        lr = {name: self._first_rates(name, replay) for name in self.in_file}
        schedules = self._schedules(replay)
        if any(change.biases or change.both for change in self.run.changes):
            of_biases = self._replayed(biases=True)
            bias_lr = {name: of_biases.first.get(name, r.bias_lr) for name, r in self.in_file.items()}
            return InitialSettings(lr, bias_lr, schedules, self._schedules(of_biases))
        stopped = self._stopped(replay)
        freezes = {name: schedules[name].freeze for name in stopped if name in schedules}
        bias_schedules = {name: Schedule("steps", freeze=epoch) for name, epoch in freezes.items() if epoch}
        bias_lr = {name: r.bias_lr for name, r in self.in_file.items()} | stopped
        return InitialSettings(lr, bias_lr, schedules, bias_schedules)

    def _replayed(self, *, biases: bool = False) -> Replay:
        """Replay the run, and report the notes that cannot be followed."""
        replay = replay_run(self.run, self.in_file, biases=biases)
        for span, why in replay.problems:
            self.messages.not_followed(span, why)
        return replay

    def _schedules(self, replay: Replay) -> dict[str, Schedule]:
        """Return the schedules of the layers whose rates were lowered."""
        names_by_falls: dict[tuple[tuple[float, float], ...], list[str]] = {}
        for name in self.in_file:
            key = tuple((fall.epoch, float(f"{fall.ratio:.6g}")) for fall in replay.falls.get(name, ()))
            names_by_falls.setdefault(key, []).append(name)
        schedules: dict[str, Schedule] = {}
        for key, names in names_by_falls.items():
            falls = replay.falls.get(names[0], [])
            shown = names if len(names) < len(self.in_file) else []
            if self.scheduled:
                why = "a spec cannot combine steps with the schedule of the file"
                for fall in falls:
                    self.messages.left_out(fall.change.span, why, shown)
            elif key and (steps := self._steps(falls, shown)) is not None:
                schedules |= dict.fromkeys(names, steps)
        return schedules

    def _steps(self, falls: Sequence[Fall], names: Sequence[str]) -> Schedule | None:
        """Return the schedule ``steps(...)`` for a sequence of falls.

        It ends before the first fall that it cannot express, which is reported for these layers.
        """
        epochs: list[int] = []
        factor, freeze = 1.0, 0
        for fall in falls:
            epoch = max(1, int(fall.epoch + 0.5))
            why = _why_no_step(fall, epoch, epochs, factor, self.run)
            if why:
                self.messages.left_out(fall.change.span, why, names)
                break
            if epoch != fall.epoch:
                why = f"a spec's steps are at whole epochs: {epoch}, not {format_literal(fall.epoch)}"
                self.messages.left_out(fall.change.span, why, names)
            if fall.rate:
                factor = float(f"{fall.ratio:.9g}")
                epochs.append(epoch)
            else:
                freeze = epoch
        return Schedule("steps", 1 / factor, epochs=tuple(epochs), freeze=freeze) if epochs or freeze else None

    def _first_rates(self, name: str, replay: Replay) -> tuple[float, ...]:
        """Return the first rates of a layer's matrices.

        If the file has a rate that the notes do not mention, it is assumed to have been lowered by the same factor as
        the rates of the layers with the same history.
        """
        r = self.in_file[name]
        if name not in replay.first:
            return r.lr
        first, falls = replay.first[name], [(fall.epoch, fall.rate) for fall in replay.falls.get(name, ())]
        noted_rates = {first, *(rate for _, rate in falls)}
        same_history = [
            rate
            for other in self.in_file
            if replay.first.get(other) == first and [(f.epoch, f.rate) for f in replay.falls.get(other, ())] == falls
            for rate in self.in_file[other].lr
        ]
        usual = commonest(same_history) or 0.0
        rates = []
        for rate in r.lr:
            if close(rate, usual) or any(close(rate, noted) for noted in noted_rates):
                rates.append(first)
                continue
            rates.append(float(f"{first * rate / usual:.9g}") if usual else rate)
            self.findings.warn(
                "cfg-substitute",
                f"{name}: the notes do not mention the rate {format_literal(rate)}; its initial value is assumed to be "
                f"{format_literal(rates[-1])}",
                self.config.sections[name].options["epsw"].span,
                notes=(
                    f"others that were lowered with it have {format_literal(usual)}, initially {format_literal(first)}",
                ),
                layer=name,
            )
        return tuple(rates)

    def _stopped(self, replay: Replay) -> dict[str, float]:
        """Return the first rates of the biases of layers that were stopped, in a run whose notes do not mention biases.

        In the file these rates are 0. The most common rate of biases is assumed.
        """
        usual = commonest([r.bias_lr for r in self.in_file.values() if r.bias_lr]) or 0.0
        stopped = [
            name
            for name, r in self.in_file.items()
            if not r.bias_lr and not r.rate and replay.first.get(name, 0.0) and usual
        ]
        if stopped:
            assumed = f"{format_literal(usual)}, that of most layers, is assumed"
            message = f"{_name_list(stopped)}: the notes do not give the initial epsB; {assumed}"
            self.findings.warn("cfg-substitute", message, self.config.sections[stopped[0]].options["epsb"].span)
        return dict.fromkeys(stopped, usual)

    def epochs_and_batch(self) -> dict[str, str]:
        """Return ``epochs=`` and ``batch=`` of the train line."""
        run, end = self.run, self.run.end
        if end is None:
            what = "state the number of epochs: train epochs=90"
            if not self.scheduled and run.last > run.changes[-1].epoch:
                end, what = run.last, f"the last that they name, {format_literal(run.last)}, is assumed"
            self.findings.warn(
                "cfg-substitute", f"the notes do not say at which epoch the run ended; {what}", run.changes[-1].span
            )
        keys = {} if end is None else {"epochs": str(max(1, int(end + 0.5)))}
        if run.end_line is not None and end != int(end or 0):
            message = f"a spec's epochs are whole: {keys['epochs']}, not {format_literal(end or 0)}"
            self.findings.warn("cfg-left-out", message, run.end_line)
        if run.batch is not None:
            keys["batch"] = str(run.batch)
        return keys

    def colour(self) -> dict[str, str]:
        """Return the colour noise at the beginning of the run as the key ``colour`` of the augment line."""
        std = 0.0
        for i, colour in enumerate(self.run.colours):
            if i == 0:
                std = colour.to if not colour.epoch else colour.was or 0.0
            if colour.epoch:
                noise, epoch = format_literal(colour.to), format_literal(colour.epoch)
                what = f"the noise of the colours was {noise} from epoch {epoch} on"
                self.messages.left_out(colour.span, f"{what}; a spec's augmentation is the same in all epochs")
        return {"colour": f"pca({format_literal(std)})"} if std else {}


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


def warn_of_last_state(runs: Sequence[Run], in_file: Mapping[str, Rates], findings: Findings) -> None:
    """Warn once if the file contains rates that, according to its notes, were lowered during a run."""
    for run in runs:
        replay = replay_run(run, in_file)
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
