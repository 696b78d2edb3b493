"""Replay the changes of a run: each layer's rate at the beginning, and when it was lowered."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netspec.formatting import format_literal
from netspec.importers.cuda_convnet.layers.model import Layer
from netspec.importers.cuda_convnet.learning.notes import Change
from netspec.importers.cuda_convnet.learning.rates import Rates, commonest
from netspec.importers.cuda_convnet.learning.runs import Run
from netspec.source import Span

_KINDS = {"conv": ("conv",), "convs": ("conv",), "fc": ("fc", "sfc", "treefc"), "fcs": ("fc", "sfc", "treefc")}
_RANGE = re.compile(r"([a-z_]*[a-z_])(\d{1,3})-(?:\1)?(\d{1,3})")
_TWIN = re.compile(r"[-_.]?[a-z]")


@dataclass(frozen=True, slots=True)
class Fall:
    """A rate was lowered to ``rate``, which is ``ratio`` times the previous one."""

    epoch: float
    rate: float
    ratio: float
    change: Change


@dataclass(slots=True)
class Replay:
    """The history of the layers' rates in a run.

    ``first`` has the rates at the beginning, as far as the notes state them, ``falls`` the reductions in the order of
    epochs, and ``problems`` the notes that could not be followed, with reasons.
    """

    first: dict[str, float] = field(default_factory=dict)
    falls: dict[str, list[Fall]] = field(default_factory=dict)
    problems: list[tuple[Span, str]] = field(default_factory=list)


def replay_changes(changes: Sequence[Change], layers: Mapping[str, Layer], in_file: Mapping[str, float]) -> Replay:
    """Replay changes of one kind of rate.

    ``in_file`` has the rates in the file. They are only used if a note divides a rate that the notes do not state.
    """
    return _Replayer(changes, layers, in_file).result


def replay_run(run: Run, in_file: Mapping[str, Rates], *, biases: bool = False) -> Replay:
    """Replay the changes of weights' rates in a run, or those of biases' rates."""
    changes = [change for change in run.changes if change.both or change.biases == biases]
    rates = {name: r.bias_lr if biases else r.rate for name, r in in_file.items()}
    return replay_changes(changes, {name: r.layer for name, r in in_file.items()}, rates)


def layers_of(word: str, names: Mapping[str, Layer]) -> list[str]:
    """Return the layers that a word of the notes refers to.

    The word may be a layer's name, the common part of the names of twins, a type (``conv layers``), or a list
    (``conv1-5``, ``conv1/2``).
    """
    word = re.sub(r"\s+layers?$", "", word.strip().lower()).rstrip(".")
    exact = [name for name in names if name.lower() == word]
    if exact:
        return exact
    if word in _KINDS:
        return [name for name, layer in names.items() if layer.type in _KINDS[word]]
    twins = [name for name in names if name.lower().startswith(word) and _TWIN.fullmatch(name.lower()[len(word) :])]
    if twins or not word:
        return twins
    return [name for part in _listed(word) for name in layers_of(part, names)]


def _listed(word: str) -> list[str]:
    """Return the words of a list: conv1, conv2 and conv3 of ``conv1-3``, conv1 and conv2 of ``conv1/2``."""
    if match := _RANGE.fullmatch(word):
        return [f"{match[1]}{number}" for number in range(int(match[2]), int(match[3]) + 1)]
    if "+" in word:
        return word.split("+")
    if "/" in word:
        head, *others = word.split("/")
        stem = head.rstrip("0123456789")
        return [head, *(stem + other if other.isdigit() else other for other in others)]
    return []


def close(a: float, b: float) -> bool:
    """Whether two rates are equal up to rounding."""
    return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-15)


class _Replayer:
    """The state of a replay."""

    def __init__(self, changes: Sequence[Change], layers: Mapping[str, Layer], in_file: Mapping[str, float]) -> None:
        self.changes = changes
        self.layers = layers
        self.in_file = in_file
        self.current: dict[str, float] = {}
        self.raised: set[str] = set()
        self.first_unknown: set[str] = set()
        """Layers that were lowered, but whose first rate is in no note."""
        self.result = Replay()
        epoch = 0.0
        for change in changes:
            if change.epoch < epoch:
                self._problem(change, f"it comes after a note about epoch {format_literal(epoch)}")
                continue
            epoch = change.epoch
            self._apply(change)
        self._guess_first_rates()

    def _problem(self, change: Change, why: str) -> None:
        self.result.problems.append((change.span, why))

    def _apply(self, change: Change) -> None:
        names = self._affected(change)
        differs = next(
            (n for n in names if change.was is not None and not close(self.current.get(n, change.was), change.was)),
            None,
        )
        if differs is not None:
            self._problem(
                change, f"by the notes above it, the rate of {differs} was {format_literal(self.current[differs])}"
            )
        rising = [name for name in names if change.epoch and change.to > self.current.get(name, change.to)]
        if rising:
            self.raised |= set(rising)
            self._problem(change, "the rate is raised, which a spec cannot express; it stays constant from here on")
        for name in names:
            if name not in self.raised:
                self._set(name, change)

    def _affected(self, change: Change) -> list[str]:
        """Return the layers whose rate a change sets."""
        if change.layers:
            return self._named(change)
        if change.elsewhere:
            return self._unnamed_at(change.epoch)
        if change.by:
            return [name for name in self.layers if self.current.get(name) != 0]
        if not change.epoch:
            return list(self.layers)
        return self._with_rate(change)

    def _named(self, change: Change) -> list[str]:
        """Return the layers that a change names, and report words that name none."""
        names: list[str] = []
        for word in change.layers:
            named = layers_of(word, self.layers)
            if not named:
                self._problem(change, f"no layer with weights is called {word}")
            names += named
        return list(dict.fromkeys(names))

    def _unnamed_at(self, epoch: float) -> list[str]:
        """Return the layers that no change at this epoch names."""
        words = [word for change in self.changes if change.epoch == epoch for word in change.layers]
        named = {name for word in words for name in layers_of(word, self.layers)}
        return [name for name in self.layers if name not in named]

    def _with_rate(self, change: Change) -> list[str]:
        """Return the layers that have the rate that a change replaces: the one it states, or else the most common."""
        was = change.was if change.was is not None else commonest(list(self.current.values()))
        if was is None:
            return list(self.layers)
        names = [name for name in self.layers if close(self.current.get(name, was), was)]
        if not names and not self.raised:
            self._problem(change, f"no layer had the rate {format_literal(was)} by the notes above it")
        return names

    def _set(self, name: str, change: Change) -> None:
        current, result = self.current.get(name), self.result
        if current is None and change.epoch:
            current = change.was if change.was is not None else self.in_file[name] if change.by else None
            if current is None:
                self.first_unknown.add(name)
            else:
                result.first[name] = current
        to = (current or 0.0) / change.by if change.by else change.to
        self.current[name] = to
        if not change.epoch:
            result.first[name] = to
        elif current is None or to < current:
            ratio = to / current if current else 0.0
            result.falls.setdefault(name, []).append(Fall(change.epoch, to, ratio, change))

    def _guess_first_rates(self) -> None:
        """Assume the most common first rate for the layers whose first rate is in no note."""
        usual = commonest(list(self.result.first.values()))
        for name in sorted(self.first_unknown):
            first, *later = self.result.falls.pop(name)
            if usual is None or usual < first.rate:
                self._problem(first.change, f"the earlier rate of {name} is not given")
                continue
            self._problem(
                first.change,
                f"the earlier rate of {name} is not given; {format_literal(usual)}, that of most layers, is assumed",
            )
            self.result.first[name] = usual
            ratio = first.rate / usual if usual else 1.0  # both are 0
            self.result.falls[name] = [Fall(first.epoch, first.rate, ratio, first.change), *later]
