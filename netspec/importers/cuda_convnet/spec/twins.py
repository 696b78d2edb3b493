"""Twins: layers that stand once on each GPU and are the halves (or quarters) of one layer.

They become one line of a net with GPU groups, where they really are: of one type with the same numbers, each reading
its own GPU's half of the same layers, or all of them the whole. What else reads them must read all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Literal

from netspec.importers.cuda_convnet.learning.constraints import HELD
from netspec.importers.cuda_convnet.spec.gathering import ALONE, gathers, joins_of, uniform, without
from netspec.importers.cuda_convnet.spec.lines import Line

MOST_LINES = 2000
"""More are left as they stand."""

_WEIGHTED = {"conv": "filters", "local": "filters", "fc": "outputs"}
_JOINS = ("sum", "max", "concat")
_APART = ("sum", "max", "gatedsumsquares")
"""What tells its inputs apart, which the shares of one layer are none of."""
_ORDERLESS = ("conv", "local", "fc")

Reading = Literal["own", "all", "whole"]


@dataclass(frozen=True, slots=True)
class Family:
    """Lines that are one, in the order of their GPUs. ``whole``: all compute the same of the same; else each computes
    its share. ``orders``: in which order each member lists the shares of what it reads whole."""

    name: str
    members: tuple[str, ...]
    reading: Reading
    inputs: tuple[str, ...]
    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Merged:
    """The lines with twins as one, and the families by the names of their lines. ``reordered``: lines that list the
    shares of an input in another order than their GPUs', with that order, by the line of the file that does."""

    lines: tuple[Line, ...]
    families: Mapping[str, Family]
    reordered: Mapping[str, tuple[int, ...]]


def merged(lines: Sequence[Line], gpus: int, apart: Collection[str] = ()) -> Merged:
    """The lines of a file for so many GPUs with its twins as one line each. ``apart``: lines that stay as they are."""
    if gpus < 2 or len(lines) > MOST_LINES:
        return Merged(tuple(lines), {}, {})
    joins = joins_of(lines, gpus)
    while joins:
        plain, through = without(lines, joins)
        found = _joined(plain, gpus, apart)
        reads = {name: family.inputs for family in found.families.values() for name in family.members}
        reads |= {line.name: line.inputs for line in found.lines if line.name in through}
        # What is joined has to be the shares of one layer, which a reader then reads as one.
        kept = {join for reader, join in through.items() if len(reads[reader]) > 1}
        if not kept:
            return found
        joins = {name: line for name, line in joins.items() if name not in kept}
    return _joined(lines, gpus, apart)


def _joined(lines: Sequence[Line], gpus: int, apart: Collection[str]) -> Merged:
    banned = set(apart)
    while True:
        attempt = _Attempt(lines, gpus, banned)
        broken = attempt.broken()
        if not broken:
            return attempt.result()
        banned |= broken


class _Attempt:
    """All families that can be found while some lines may not be in one."""

    def __init__(self, lines: Sequence[Line], gpus: int, banned: set[str]) -> None:
        self.lines = lines
        self.gpus = gpus
        self.by_name = {line.name: line for line in lines}
        self.order = {line.name: number for number, line in enumerate(lines)}
        self.family: dict[str, Family] = {}
        self.families: dict[str, Family] = {}
        self.placed: set[str] = set()  # families that compute the same of what lives on one GPU, or on several
        self.taken = {line.name for line in lines}
        found: dict[tuple[object, ...], list[Line]] = {}
        for line in lines:
            if len(line.gpu) == 1:
                found.setdefault(_alike(line, line.gpu[0]), []).append(line)
        # In the order of the lines on any GPU, so that a family's inputs are looked at before it.
        for line in lines:
            together = "norm_over" in line.keys  # the weights of all parts, which must not be split over GPUs
            if line.gpu == (gpus - 1,) and line.name not in banned and line.type not in ALONE and not together:
                self._find(line, found, banned)

    def _find(self, last: Line, found: Mapping[tuple[object, ...], list[Line]], banned: set[str]) -> None:
        """Look for the family whose member on the last GPU is this line, and keep it."""
        members: list[Line] = []
        for gpu in range(self.gpus - 1):
            options = found.get(_alike(last, gpu), [])
            fits = (o for o in options if o.name not in self.family and o.name not in banned)
            best = next((o for o in fits if self._reading((*members, o, last))), None)
            if best is None:
                return
            members.append(best)
        members.append(last)
        reading = self._reading(tuple(members))
        if reading is None or not self._weights_fit(members):
            return
        kind, inputs, orders = reading
        name = self._name(members)
        family = Family(name, tuple(m.name for m in members), kind, inputs, orders)
        self.families[name] = family
        if kind == "whole" and any(map(self._lives_on_one, inputs)):
            self.placed.add(name)
        for member in members:
            self.family[member.name] = family

    def _lives_on_one(self, name: str) -> bool:
        """Whether a value is whole on one GPU, where in a spec what reads it stays if nothing else is said."""
        return name in self.placed if name in self.families else bool(self.by_name[name].gpu)

    def _reading(
        self, members: tuple[Line, ...]
    ) -> tuple[Reading, tuple[str, ...], Mapping[str, tuple[int, ...]]] | None:
        """How members read what they read: each its own share, all the whole, or the same whole values."""
        own = self._own(members)
        if own is not None:
            split = [name in self.families and self.families[name].reading != "whole" for name in own]
            if members[0].type in _WEIGHTED:
                # Groups of each member's filters divide what it reads: of a share that is said, of a whole value not.
                divided = _per_input(members[0], "parts" if members[0].type == "fc" else "groups")
                fits = all(part or groups == "1" for part, groups in zip(split, divided, strict=True))
                return ("own", own, {}) if fits else None
            if not any(split) and _draws(members[0]):
                return None  # each draws other numbers for what both read
            return ("own" if any(split) else "whole"), own, {}
        if members[0].type not in _ORDERLESS or not uniform(members[0]):
            return None
        runs = [self._collapsed(member) for member in members]
        first = runs[0]
        if first is None or any(run is None or run[0] != first[0] for run in runs):
            return None
        orders = {m.name: run[1] for m, run in zip(members, runs, strict=True) if run is not None and run[1]}
        return "all", first[0], orders

    def _own(self, members: tuple[Line, ...]) -> tuple[str, ...] | None:
        """The inputs, if every member reads its own GPU's share of each, or the same whole value."""
        if len({len(m.inputs) for m in members}) > 1:
            return None
        names = []
        for read in zip(*(m.inputs for m in members), strict=True):
            family = self.family.get(read[0])
            if family is None:
                if len(set(read)) > 1:
                    return None
                names.append(read[0])
            else:
                same = family.reading == "whole" and set(read) <= set(family.members)
                if not same and read != tuple(family.members[member.gpu[0]] for member in members):
                    return None
                names.append(family.name)
        joins = members[0].type in _JOINS
        split = {n in self.families and self.families[n].reading != "whole" for n in names}
        return None if joins and len(split) > 1 else tuple(names)

    def _collapsed(self, line: Line) -> tuple[tuple[str, ...], tuple[int, ...]] | None:
        """A line's inputs with all members of a family as one, and the order of the members where it is not theirs;
        ``None`` where only some of them are read."""
        names: list[str] = []
        order: tuple[int, ...] = ()
        waiting = list(line.inputs)
        while waiting:
            family = self.family.get(waiting[0])
            if family is None or family.reading == "whole":
                names.append(family.name if family else waiting[0])
                del waiting[0]
                continue
            run = waiting[: self.gpus]
            if sorted(run) != sorted(family.members) or line.type in _APART:
                return None
            places = tuple(family.members.index(name) for name in run)
            if any(key in line.keys for key in HELD):
                return None  # each share's weights by themselves are held to something
            if places != tuple(range(self.gpus)):
                if line.type not in _ORDERLESS or (order and order != places):
                    return None
                order = places
            names.append(family.name)
            del waiting[: self.gpus]
        if len(names) != len(line.inputs) and not (uniform(line) or line.type == "concat"):
            return None
        return tuple(names), order

    def _weights_fit(self, members: Sequence[Line]) -> bool:
        """Whether the members share no weights, or those of another family."""
        owners = tuple(m.keys["weights"] for m in members if "weights" in m.keys)
        if not owners:
            return True
        family = self.family.get(owners[0])
        return family is not None and owners == family.members

    def _name(self, members: Sequence[Line]) -> str:
        """``conv1`` of ``conv1a`` and ``conv1b``. Lines that layers have besides their own are called after these:
        ``pool1-covered`` of ``pool1a-covered`` and ``pool1b-covered``."""
        parts = {m.name.removeprefix(m.origin) for m in members}
        same = takewhile(lambda letters: len(set(letters)) == 1, zip(*(m.origin for m in members), strict=False))
        stem = "".join(letters[0] for letters in same).rstrip("-_.")
        name = stem + parts.pop() if stem and len(parts) == 1 else ""
        # The name of a line that has become a part of another is free again: fc2048b of fc2048ba and fc2048bb.
        names = [m.name for m in members]
        free = name not in self.families and (name not in self.taken or name in self.family or name in names)
        return name if name and free else names[0]

    def broken(self) -> set[str]:
        """The members of families that something reads otherwise than a spec can say."""
        wrong: set[str] = set()
        for line in self.lines:
            if line.name in self.family:
                continue
            read = [self.family[name] for name in line.inputs if name in self.family]
            if read and self._collapsed(line) is None:
                split = [family for family in read if family.reading != "whole"]
                partly = [family for family in split if not {*family.members} <= {*line.inputs}]
                wrong |= {name for family in partly or split for name in family.members}
            owner = self.family.get(line.keys.get("weights", ""))
            if owner is not None:
                wrong |= set(owner.members)
        # These lines, by themselves, read some shares of a family and not all: it is broken as well, and so on upwards.
        waiting = list(wrong)
        while waiting:
            line = self.by_name[waiting.pop()]
            for family in (self.family[name] for name in line.inputs if name in self.family):
                members = set(family.members)
                if family.reading != "whole" and not members <= {*line.inputs} and not members <= wrong:
                    wrong |= members
                    waiting += family.members
        return wrong

    def result(self) -> Merged:
        lines: list[Line] = []
        reordered: dict[str, tuple[int, ...]] = {}
        for line in self.lines:
            family = self.family.get(line.name)
            if family is None:
                collapsed = self._collapsed(line)
                assert collapsed is not None
                names, order = collapsed
                if order:
                    reordered[line.name] = order
                shares = any(name in self.families and self.families[name].reading != "whole" for name in names)
                keys = {**line.keys, "reads": "all"} if shares and line.type in _WEIGHTED else line.keys
                # What gathers the shares of all GPUs is whole, which needs no place.
                made = replace(line, inputs=names, keys=keys)
                placeless = shares and made.type not in _WEIGHTED and gathers(made) and line.gpu == (0,)
                lines.append(replace(made, gpu=()) if placeless else made)
            elif line.name == self._place(family):
                reordered |= family.orders
                lines.append(self._joined(family))
        return Merged(tuple(lines), self.families, reordered)

    def _place(self, family: Family) -> str:
        """The member in whose place a family's line stands: the last, which stands below all that they read; of those
        that compute the same of the same the first, since what reads only that may stand above the others."""
        return family.members[-1] if family.reading != "whole" else min(family.members, key=self.order.__getitem__)

    def _joined(self, family: Family) -> Line:
        members = [self.by_name[name] for name in family.members]
        first = members[0]
        keys = dict(first.keys)
        key = _WEIGHTED.get(first.type)
        if key is not None:
            keys[key] = str(int(keys[key]) * self.gpus)
            if family.reading == "all":
                keys["reads"] = "all"
            if "weights" in keys:
                keys["weights"] = self.family[keys["weights"]].name
            if self._lives_on_one(family.inputs[0]):
                keys["gpu"] = "all"
        # What joins the values of several GPUs, on each of them, is whole: on the first.
        gpu = first.gpu if family.name in self.placed and first.type in _JOINS else ()
        comments = tuple(text for m in members for text in m.comments)
        return Line(family.name, first.type, family.inputs, keys, gpu, first.origin, comments)


def _alike(line: Line, gpu: int) -> tuple[object, ...]:
    """What the twins of a line have in common, together with the GPU of one of them."""
    own = sorted((key, value) for key, value in line.keys.items() if key != "weights")
    return line.type, tuple(own), "weights" in line.keys, len(line.inputs), gpu


def _draws(line: Line) -> bool:
    """Whether a line's value is drawn by chance."""
    return line.type in ("dropout", "nrelu", "randomscale") or line.keys.get("neuron") == "nrelu"


def _per_input(line: Line, key: str) -> list[str]:
    """A key's value for each input; 1 where it is not said."""
    values = line.keys.get(key, "1").split(",")
    return values * len(line.inputs) if len(values) == 1 else values
