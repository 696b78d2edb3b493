"""The learning that a run began with, from its notes, where the parameter file holds the rates that it ended with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.lines import number
from netspec.importers.cuda_convnet.model import Layer
from netspec.importers.cuda_convnet.reading import Config
from netspec.importers.cuda_convnet.replay import Fall, Replay, close, commonest, replayed
from netspec.importers.cuda_convnet.runs import Run
from netspec.source import Span

MOST_NAMED = 4
"""How many layers of which one thing is said are named."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the parameter file holds of a layer: the rates of its matrices and of its biases, and whether they fall by
    a schedule."""

    layer: Layer
    lr: tuple[float, ...]
    bias_lr: float
    scheduled: bool

    @property
    def rate(self) -> float:
        """The highest rate of its weights."""
        return max(self.lr)


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a run began, and what was done in it: the first rates of each layer's matrices and biases, the ``epochs`` at
    which they were multiplied by ``factor``, and keys of the ``train`` and the ``augment`` line."""

    lr: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    bias_lr: Mapping[str, float] = field(default_factory=dict)
    epochs: tuple[int, ...] = ()
    factor: float = 1.0
    train: Mapping[str, str] = field(default_factory=dict)
    augment: Mapping[str, str] = field(default_factory=dict)


def warn_of_last_state(runs: Sequence[Run], held: Mapping[str, Held], findings: Findings) -> None:
    """Say once that the file holds rates to which, by its notes, a run had lowered them."""
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
            f"{_named(name for name, own in lower.items() if own == (was, now))}: {number(now)}, {number(was)} at first"
            for was, now in pairs
            if (was, now) != (began, ends) or 2 * len(lower) < len(held)
        ]
        findings.warn(
            "cfg-last-state",
            f"the file holds rates that a run ended with: epsW={number(ends)}, which was {number(began)} at first",
            min((past.falls[name][0].change.span for name in lower), key=lambda span: span.start),
            notes=(*others, "--history takes the first rates, and lowers them when these notes say it was done"),
        )
        return


def beginning(runs: Sequence[Run], config: Config, held: Mapping[str, Held], findings: Findings) -> Beginning:
    """What the notes say of the first run in which rates were changed. What of it a spec cannot say, or is not told, is
    reported at its line."""
    runs = [run for run in runs if run.changes]
    if not runs:
        place = next(section.span for section in config.sections.values())
        findings.add("cfg-no-history", f"{config.source.name} has no notes of rates that were changed", place)
        return Beginning()
    run = runs[0]
    told = _Told(findings)
    past = _replay(run, held)
    for span, why in [*past.problems, *((one.span, one.why) for one in run.unread)]:
        told.unread(span, why)
    scheduled = any(own.scheduled for own in held.values())
    main = [] if scheduled else _main(past, held)
    epochs, factor = _steps(main, run, told)
    _others(past, held, main[: len(epochs)], told, scheduled=scheduled)
    lr = {name: _rates_of(name, past, held, config, findings) for name in held}
    if any(change.biases or change.both for change in run.changes):
        bias_lr = _told_biases(run, held, main, told, scheduled=scheduled)
    else:
        bias_lr = _untold_biases(past, held, config, findings, falls=bool(epochs))
    augment = _colour(run, told)
    if len(runs) > 1:
        lines = ", ".join(str(other.changes[0].span.line) for other in runs[1:])
        message = f"the notes tell of {len(runs)} runs, and the first is taken; others are told at line {lines}"
        told.left_out(runs[1].changes[0].span, message)
    told.report()
    return Beginning(lr, bias_lr, epochs, factor, _length(run, findings, scheduled=scheduled), augment)


class _Told:
    """What is said of lines of the notes: of each, one thing once, with the layers of which it is true."""

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
        """Give everything to the findings, in the order of the lines."""
        for (_, unread, message), (span, names) in sorted(self.all.items(), key=lambda item: item[0][0]):
            whole = f"{_named(names)}: {message}" if names else message
            self.findings.warn("cfg-unread-note" if unread else "cfg-left-out", whole, span)


def _replay(run: Run, held: Mapping[str, Held], *, biases: bool = False) -> Replay:
    """The run's rates of weights, or of biases."""
    changes = [change for change in run.changes if change.both or change.biases == biases]
    rates = {name: own.bias_lr if biases else own.rate for name, own in held.items()}
    return replayed(changes, {name: own.layer for name, own in held.items()}, rates)


def _main(past: Replay, held: Mapping[str, Held]) -> list[Fall]:
    """The falls of most of the weights."""
    weights: Counter[tuple[tuple[float, float], ...]] = Counter()
    first: dict[tuple[tuple[float, float], ...], list[Fall]] = {}
    for name, own in held.items():
        falls = past.falls.get(name, [])
        key = tuple((fall.epoch, float(f"{fall.ratio:.6g}")) for fall in falls)
        weights[key] += sum(rows * columns for rows, columns in own.layer.weights)
        first.setdefault(key, falls)
    return first[weights.most_common(1)[0][0]] if weights else []


def _steps(main: Sequence[Fall], run: Run, told: _Told) -> tuple[tuple[int, ...], float]:
    """The epochs of ``schedule=steps(...)``, and its factor."""
    epochs: list[int] = []
    for fall in main:
        whole = max(1, int(fall.epoch + 0.5))
        if not 0 < fall.ratio < 1 or not close(fall.ratio, main[0].ratio):
            told.left_out(fall.change.span, "a spec's steps have one factor, and this is another; the rate stays here")
        elif epochs and whole <= epochs[-1]:
            told.left_out(fall.change.span, "a spec's steps are at whole epochs; two of the notes are in one")
        elif run.end is not None and fall.epoch >= run.end:
            told.left_out(fall.change.span, f"the run ended at epoch {number(run.end)}")
        else:
            if whole != fall.epoch:
                told.left_out(
                    fall.change.span, f"a spec's steps are at whole epochs: {whole}, not {number(fall.epoch)}"
                )
            epochs.append(whole)
            continue
        break
    return tuple(epochs), float(f"{main[0].ratio:.9g}") if epochs else 1.0


def _others(past: Replay, held: Mapping[str, Held], main: Sequence[Fall], told: _Told, *, scheduled: bool) -> None:
    """Tell of what was done to some layers alone, which one schedule for all cannot say."""
    for name in held:
        falls = past.falls.get(name, [])
        for fall in falls:
            if scheduled:
                told.left_out(
                    fall.change.span, "a spec has no steps beside the schedule of the file; this is left out", [name]
                )
            elif not any(fall.epoch == own.epoch and close(fall.ratio, own.ratio) for own in main):
                told.left_out(fall.change.span, "a spec has one schedule for all layers; this is left out", [name])
        for own in main:
            if name in past.first and not any(fall.epoch == own.epoch for fall in falls):
                told.left_out(own.change.span, "a spec has one schedule for all layers; their rates fall too", [name])


def _rates_of(
    name: str, past: Replay, held: Mapping[str, Held], config: Config, findings: Findings
) -> tuple[float, ...]:
    """The first rates of a layer's matrices. Where the file holds one that the notes do not know, beside others that
    they lowered alike, it is taken to have been lowered as these were."""
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
            f"{name}: the notes know no rate of {number(rate)}; {number(rates[-1])} is taken for the first",
            config.sections[name].options["epsw"].span,
            notes=(f"others that were lowered with it have {number(usual)}, and had {number(first)}",),
            layer=name,
        )
    return tuple(rates)


def _told_biases(
    run: Run, held: Mapping[str, Held], main: Sequence[Fall], told: _Told, *, scheduled: bool
) -> dict[str, float]:
    """The first rates of biases whose changes the notes tell."""
    past = _replay(run, held, biases=True)
    for span, why in past.problems:
        told.unread(span, why)
    for name, falls in past.falls.items():
        for fall in falls:
            said = any(fall.epoch == own.epoch and close(fall.ratio, own.ratio) for own in main)
            if not said and not (scheduled and fall.change.both):
                why = "a spec has one schedule, that of the weights; this is left out"
                told.left_out(fall.change.span, why, [name])
    return {name: past.first.get(name, own.bias_lr) for name, own in held.items()}


def _untold_biases(
    past: Replay, held: Mapping[str, Held], config: Config, findings: Findings, *, falls: bool
) -> dict[str, float]:
    """The first rates of biases of which the notes say nothing: those that the file holds. Where they are 0 because the
    layer was stopped, those of most others."""
    usual = commonest([own.bias_lr for own in held.values() if own.bias_lr]) or 0.0
    stopped = [n for n, own in held.items() if not own.bias_lr and not own.rate and past.first.get(n, 0.0) and usual]
    rates = {name: usual if name in stopped else own.bias_lr for name, own in held.items()}
    name = stopped[0] if stopped else next((name for name in held if rates[name]), "")
    if name and (falls or stopped):
        whose = _named(stopped or [name])
        known = f"{number(rates[name])}, that of most layers, is" if stopped else f"{number(rates[name])} is"
        findings.warn(
            "cfg-substitute",
            f"{whose}: the notes do not say what epsB was at first; {known} taken",
            config.sections[name].options["epsb"].span,
            notes=("the rates of biases fall with those of weights, of which alone the notes tell",) if falls else (),
        )
    return rates


def _length(run: Run, findings: Findings, *, scheduled: bool) -> dict[str, str]:
    """``epochs=`` and ``batch=``."""
    end = run.end
    if end is None:
        what = "say how many epochs it has: train epochs=90"
        if not scheduled and run.last > run.changes[-1].epoch:
            end, what = run.last, f"the last that they name, {number(run.last)}, is taken"
        findings.warn(
            "cfg-substitute", f"the notes do not say at which epoch the run ended; {what}", run.changes[-1].span
        )
    keys = {} if end is None else {"epochs": str(max(1, int(end + 0.5)))}
    if run.ended is not None and end != int(end or 0):
        message = f"a spec's epochs are whole: {keys['epochs']}, not {number(end or 0)}"
        findings.warn("cfg-left-out", message, run.ended)
    if run.batch is not None:
        keys["batch"] = str(run.batch)
    return keys


def _colour(run: Run, told: _Told) -> dict[str, str]:
    """The noise of the colours that the run began with, as a key of ``augment``."""
    std = 0.0
    for i, colour in enumerate(run.colours):
        if i == 0:
            std = colour.to if not colour.epoch else colour.was or 0.0
        if colour.epoch:
            what = f"the noise of the colours was {number(colour.to)} from epoch {number(colour.epoch)} on"
            told.left_out(colour.span, f"{what}; a spec's augmentation is the same in all epochs")
    return {"colour": f"pca({number(std)})"} if std else {}


def _named(names: Iterable[str]) -> str:
    """Some names, the first of many."""
    every = list(names)
    return ", ".join(every[:MOST_NAMED]) + (f" and {len(every) - MOST_NAMED} more" if len(every) > MOST_NAMED else "")
