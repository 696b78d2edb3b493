"""Find out which layer reads which, and check names, order and cycles."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from netspec import layers
from netspec.check.report import Findings
from netspec.diagnostics import Label
from netspec.language.syntax import Section, Word, by_key, names
from netspec.lowering import LayerType

MAX_LISTED = 10
"""How many layers of a cycle a message names."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """For each section of the file, the indices of the sections that it reads, or ``None`` if they are not known."""

    inputs: tuple[tuple[int, ...] | None, ...]
    index: dict[str, int]
    """The index of the section with each name; for a repeated name, the first."""


def wire(sections: Sequence[Section], findings: Findings) -> Wiring:
    """Find what every layer reads. Report repeated and unknown names, layers that read later ones, and cycles."""
    index: dict[str, int] = {}
    for number, section in enumerate(sections):
        name = section.name.text
        if name in index:
            first = sections[index[name]].name.span
            findings.add(
                "duplicate-layer",
                f"there are two layers called {name}",
                section.name.span,
                labels=(Label(first, "the first one"),),
                layer=name,
            )
        else:
            index[name] = number
    wires = _Wires(sections, index, findings)
    return Wiring(tuple(wires.inputs(number) for number in range(len(sections))), index)


class _Wires:
    """Finds the inputs of each layer of a file."""

    def __init__(self, sections: Sequence[Section], index: dict[str, int], findings: Findings) -> None:
        self.sections = sections
        self.index = index
        self.findings = findings
        self.layer_names, self.first_indices = tuple(index), list(index.values())
        self.input_names = [section.body.inputs for section in sections]
        self.reported: set[int] = set()
        """The layers of cycles that have been reported, so that each cycle is reported once."""

    def inputs(self, number: int) -> tuple[int, ...] | None:
        """Return the indices of the layers that a layer reads, or ``None`` if they are not known."""
        section, names_read = self.sections[number], self.input_names[number]
        if names_read is None:
            if _is_source(section):
                return ()
            if not number:
                self._first_reads_nothing()
            return (number - 1,) if number else None
        indices: list[int] = []
        located: tuple[Word, ...] = ()
        for position, name in enumerate(names_read):
            target = self.index.get(name)
            if target is not None and target < number:
                indices.append(target)
                continue
            located = located or names(by_key(section.pairs)["inputs"].value)
            word = located[position]
            if target is None:
                above = self.layer_names[: bisect_left(self.first_indices, number)]
                of_type = [s.name.text for s in self.sections[:number] if s.body.type == word.text]
                self.findings.unknown_layer(word, above, section.name.text, of_type)
            else:
                self._report_later(number, target, word)
        return tuple(indices) if indices and len(indices) == len(names_read) else None

    def _first_reads_nothing(self) -> None:
        """Report that the input comes after the first layer. (A missing input is reported elsewhere.)"""
        first = self.sections[0]
        source = next((section for section in self.sections if _is_source(section)), None)
        if source is not None and not first.broken and _layer_type(first) is not None:
            self.findings.add(
                "wrong-inputs",
                f"{first.name.text} reads nothing: there is no layer above it",
                first.name.span,
                labels=(Label(source.name.span, f"the input, {source.name.text}: it stands first"),),
                layer=first.name.text,
            )

    def _report_later(self, number: int, target: int, word: Word) -> None:
        """Report a layer that reads itself or a later one: as a cycle if that one leads back, else as a wrong order."""
        if self.findings.full or {number, target} <= self.reported:
            return
        name, below = self.sections[number].name.text, self.sections[target].name
        path = self._path(target, number)
        if path is None:
            message = f"{name} reads {below.text}, which is below it"
            label = Label(below.span, "a layer can only read layers above it")
            self.findings.add("reads-later-layer", message, word.span, labels=(label,), layer=name)
            return
        self.reported.update(path)
        names = [self.sections[i].name.text for i in (number, *path)]
        shown = names if len(names) <= MAX_LISTED else [*names[: MAX_LISTED - 2], "...", names[-1]]
        note = f"it reads {' -> '.join(shown)}"
        self.findings.add("cycle", f"{name} reads its own output", word.span, notes=(note,), layer=name)

    def _path(self, start: int, goal: int) -> tuple[int, ...] | None:
        """Return a path from ``start`` to ``goal`` along the inputs of layers, or ``None`` if there is none."""
        previous: dict[int, int] = {start: start}
        waiting = [start]
        while waiting:
            current = waiting.pop()
            if current == goal:
                path = [current]
                while path[-1] != start:
                    path.append(previous[path[-1]])
                return tuple(reversed(path))
            for i in self._reads(current):
                if i not in previous:
                    previous[i] = current
                    waiting.append(i)
        return None

    def _reads(self, number: int) -> list[int]:
        """The indices of a layer's inputs with known names, wherever they are in the file."""
        names_read = self.input_names[number]
        if names_read is None:
            return [] if number == 0 or _is_source(self.sections[number]) else [number - 1]
        return [self.index[name] for name in names_read if name in self.index]


def read_only_by_gathering(sections: Sequence[Section], wiring: Wiring) -> frozenset[int]:
    """The sections whose readers all gather split values (softmax, losses)."""
    readers: dict[int, list[int]] = {}
    for number, inputs in enumerate(wiring.inputs):
        for i in inputs or ():
            readers.setdefault(i, []).append(number)

    def gathers(number: int) -> bool:
        layer_type = _layer_type(sections[number])
        return layer_type is not None and layer_type.grouping == "gathers"

    return frozenset(i for i, reader_numbers in readers.items() if all(gathers(n) for n in reader_numbers))


def _is_source(section: Section) -> bool:
    """Whether a section's layer type reads nothing."""
    layer_type = _layer_type(section)
    return layer_type is not None and layer_type.arity == (0, 0)


def _layer_type(section: Section) -> LayerType | None:
    return layers.find(section.body.type)
