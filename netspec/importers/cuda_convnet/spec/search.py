"""Search for the twins among the lines of a file: the families that are parts of one layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal

from netspec.importers.cuda_convnet.learning.constraints import CONSTRAINT_KEYS
from netspec.importers.cuda_convnet.spec.gathering import NEVER_SPLIT, uniform
from netspec.importers.cuda_convnet.spec.lines import WEIGHTED, Line

Reading = Literal["own", "all", "whole"]


@dataclass(frozen=True, slots=True)
class Family:
    """Lines that become one, in the order of their GPUs.

    ``reading`` is ``own`` if each member reads its own share of the inputs and ``all`` if it reads all shares; in both
    cases it computes its share of the output. With ``whole``, all members compute the same value from the same inputs.
    ``orders`` has the order in which a member lists the shares of its inputs, if that is not the order of the GPUs.
    """

    name: str
    members: tuple[str, ...]
    reading: Reading
    inputs: tuple[str, ...]
    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def is_split(self) -> bool:
        """Whether each member computes only its share of the output."""
        return self.reading != "whole"


JOINS = ("sum", "max", "concat")
_ROLES_DIFFER = ("sum", "max", "gatedsumsquares")
"""Types that combine their inputs value by value. The shares of one layer cannot be separate inputs of these."""


class Search:
    """The families that can be found if the ``banned`` lines may not be in any.

    ``family_of`` maps the names of lines to their families, and ``families`` those of the merged lines. ``on_one_gpu``
    are the families of which every member has the whole value, and an input that is on one GPU.
    """

    def __init__(self, lines: Sequence[Line], gpus: int, banned: set[str]) -> None:
        self.lines = lines
        self.gpus = gpus
        self.by_name = {line.name: line for line in lines}
        self.order = {line.name: number for number, line in enumerate(lines)}
        self.family_of: dict[str, Family] = {}
        self.families: dict[str, Family] = {}
        self.on_one_gpu: set[str] = set()
        self.line_names = {line.name for line in lines}
        candidates: dict[tuple[object, ...], list[Line]] = {}
        for line in lines:
            if len(line.gpu) == 1:
                candidates.setdefault(_twin_key(line, line.gpu[0]), []).append(line)
        # In file order of the lines of one GPU, so that the families of a line's inputs are found before it.
        for line in lines:
            over_parts = "norm_over" in line.keys  # this constrains weights of all parts, which must stay on one GPU
            if line.gpu == (gpus - 1,) and line.name not in banned and line.type not in NEVER_SPLIT and not over_parts:
                self._find(line, candidates, banned)

    def _find(self, last: Line, candidates: Mapping[tuple[object, ...], list[Line]], banned: set[str]) -> None:
        """Look for the family whose member on the last GPU is this line, and store it."""
        members: list[Line] = []
        for gpu in range(self.gpus - 1):
            options = candidates.get(_twin_key(last, gpu), [])
            fits = (o for o in options if o.name not in self.family_of and o.name not in banned)
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
        if kind == "whole" and any(map(self.lives_on_one, inputs)):
            self.on_one_gpu.add(name)
        for member in members:
            self.family_of[member.name] = family

    def is_split(self, name: str) -> bool:
        """Whether a value of the merged lines is split over the GPUs."""
        return name in self.families and self.families[name].is_split

    def lives_on_one(self, name: str) -> bool:
        """Whether a value is on a single GPU. In a spec, layers that read it are on the same GPU by default."""
        return name in self.on_one_gpu if name in self.families else bool(self.by_name[name].gpu)

    def _reading(
        self, members: tuple[Line, ...]
    ) -> tuple[Reading, tuple[str, ...], Mapping[str, tuple[int, ...]]] | None:
        """Return how the members read their inputs, the inputs, and the order of shares by member.

        Returns ``None`` if the lines cannot be a family.
        """
        inputs = self._own_inputs(members)
        if inputs is not None:
            kind = self._own_reading(members[0], inputs)
            return (kind, inputs, {}) if kind else None
        if members[0].type not in WEIGHTED or not uniform(members[0]):
            return None
        runs = [self.merged_inputs(member) for member in members]
        first = runs[0]
        if first is None or any(run is None or run[0] != first[0] for run in runs):
            return None
        orders = {m.name: run[1] for m, run in zip(members, runs, strict=True) if run is not None and run[1]}
        return "all", first[0], orders

    def _own_reading(self, member: Line, inputs: tuple[str, ...]) -> Reading | None:
        """Return how a family reads ``inputs`` of which each member has its own share or the same whole value.

        Returns ``None`` if a spec cannot express it.
        """
        split = [self.is_split(name) for name in inputs]
        if member.type in WEIGHTED:
            # Groups divide a member's input. A spec can express that for a share, but not for a whole value.
            divided = _per_input(member, "parts" if member.type == "fc" else "groups")
            fits = all(is_share or groups == "1" for is_share, groups in zip(split, divided, strict=True))
            return "own" if fits else None
        if any(split):
            return "own"
        return None if _draws(member) else "whole"  # members would draw different random numbers for the same input

    def _own_inputs(self, members: tuple[Line, ...]) -> tuple[str, ...] | None:
        """Return the inputs, if each of them is either each member's own share or the same whole value for all."""
        if len({len(m.inputs) for m in members}) > 1:
            return None
        names = []
        for read in zip(*(m.inputs for m in members), strict=True):
            family = self.family_of.get(read[0])
            if family is None:
                if len(set(read)) > 1:
                    return None
                names.append(read[0])
            else:
                same = not family.is_split and set(read) <= set(family.members)
                if not same and read != tuple(family.members[member.gpu[0]] for member in members):
                    return None
                names.append(family.name)
        joins = members[0].type in JOINS
        return None if joins and len({self.is_split(name) for name in names}) > 1 else tuple(names)

    def merged_inputs(self, line: Line) -> tuple[tuple[str, ...], tuple[int, ...]] | None:
        """Return a line's inputs with all members of a family replaced by the family, and the order of the members.

        The order is empty if it is that of the GPUs. Returns ``None`` if a spec cannot express the inputs, for example
        because the line reads only some members of a family.
        """
        names: list[str] = []
        order: tuple[int, ...] = ()
        waiting = list(line.inputs)
        while waiting:
            family = self.family_of.get(waiting[0])
            if family is None or not family.is_split:
                names.append(family.name if family else waiting[0])
                del waiting[0]
                continue
            run = waiting[: self.gpus]
            if sorted(run) != sorted(family.members) or line.type in _ROLES_DIFFER:
                return None
            places = tuple(family.members.index(name) for name in run)
            if any(key in line.keys for key in CONSTRAINT_KEYS):
                return None  # the weights for each share are constrained separately
            if places != tuple(range(self.gpus)):
                if line.type not in WEIGHTED or (order and order != places):
                    return None
                order = places
            names.append(family.name)
            del waiting[: self.gpus]
        if len(names) != len(line.inputs) and not (uniform(line) or line.type == "concat"):
            return None
        return tuple(names), order

    def _weights_fit(self, members: Sequence[Line]) -> bool:
        """Whether the members share no weights, or use those of the members of another family."""
        owners = tuple(m.keys["weights"] for m in members if "weights" in m.keys)
        if not owners:
            return True
        family = self.family_of.get(owners[0])
        return family is not None and owners == family.members

    def _name(self, members: Sequence[Line]) -> str:
        """Return the common name: ``conv1`` for ``conv1a`` and ``conv1b``.

        The suffixes of additional lines are kept: ``pool1-covered`` for ``pool1a-covered`` and ``pool1b-covered``.
        """
        parts = {m.name.removeprefix(m.origin) for m in members}
        same = takewhile(lambda letters: len(set(letters)) == 1, zip(*(m.origin for m in members), strict=False))
        stem = "".join(letters[0] for letters in same).rstrip("-_.")
        name = stem + parts.pop() if stem and len(parts) == 1 else ""
        # The name of a line that was merged into a family is available again: fc2048b for fc2048ba and fc2048bb.
        names = [m.name for m in members]
        free = name not in self.families and (name not in self.line_names or name in self.family_of or name in names)
        return name if name and free else names[0]

    def broken(self) -> set[str]:
        """Return the members of families that some line reads in a way that a spec cannot express."""
        outside = [line for line in self.lines if line.name not in self.family_of]
        wrong = {name for line in outside for family in self._misread(line) for name in family.members}
        # If such a member now reads only some shares of another family, that family is broken too, and so on.
        waiting = list(wrong)
        while waiting:
            for family in self._read_in_part(self.by_name[waiting.pop()]):
                if not wrong.issuperset(family.members):
                    wrong.update(family.members)
                    waiting += family.members
        return wrong

    def _misread(self, line: Line) -> list[Family]:
        """Return the families that a line outside of all families reads or shares weights with, but must not."""
        misread: list[Family] = []
        if self.merged_inputs(line) is None:
            split = [family for family in self._families_read(line) if family.is_split]
            misread += self._read_in_part(line) or split
        owner = self.family_of.get(line.keys.get("weights", ""))
        return misread if owner is None else [*misread, owner]

    def _families_read(self, line: Line) -> list[Family]:
        return [self.family_of[name] for name in line.inputs if name in self.family_of]

    def _read_in_part(self, line: Line) -> list[Family]:
        """Return the families of which a line reads some shares but not all."""
        return [f for f in self._families_read(line) if f.is_split and not set(f.members) <= set(line.inputs)]


def _twin_key(line: Line, gpu: int) -> tuple[object, ...]:
    """Return a key for finding twins: everything that they must have in common, and a GPU."""
    settings = sorted((key, value) for key, value in line.keys.items() if key != "weights")
    return line.type, tuple(settings), "weights" in line.keys, len(line.inputs), gpu


def _draws(line: Line) -> bool:
    """Whether a line's value depends on random numbers."""
    return line.type in ("dropout", "nrelu", "randomscale") or line.keys.get("neuron") == "nrelu"


def _per_input(line: Line, key: str) -> list[str]:
    """Return a key's values, one per input, by default 1."""
    values = line.keys.get(key, "1").split(",")
    return values * len(line.inputs) if len(values) == 1 else values
