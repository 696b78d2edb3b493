"""Which layer reads which: names, order and cycles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netspec import layers
from netspec.check.report import Findings
from netspec.language.syntax import Section, Value, Values, Word

MOST_NAMED = 10
"""How many layers of a cycle are named."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """For each section of the file, the indices of the sections that it reads; ``None`` where that is not known."""

    inputs: tuple[tuple[int, ...] | None, ...]
    index: dict[str, int]
    """The section of each name (the first one where a name stands twice)."""


def wire(sections: Sequence[Section], findings: Findings) -> Wiring:
    """Find what every layer reads. Reports doubled names, unknown ones, readers before their layer, and cycles."""
    index: dict[str, int] = {}
    for number, section in enumerate(sections):
        name = section.name.text
        if name in index:
            first = sections[index[name]].name.span.line
            findings.add(
                "duplicate-layer",
                f"there are two layers called {name}",
                section.name.span,
                notes=(f"the first is in line {first}",),
                layer=name,
            )
        else:
            index[name] = number
    named = [_named(section) for section in sections]
    around: set[int] = set()
    inputs = tuple(
        _inputs(number, section, named, index, sections, findings, around) for number, section in enumerate(sections)
    )
    return Wiring(inputs, index)


def _named(section: Section) -> tuple[Word, ...] | None:
    """The words of ``inputs=``, if it is there."""
    for pair in section.pairs:
        if pair.key.text == "inputs":
            items: tuple[Value, ...] = pair.value.items if isinstance(pair.value, Values) else (pair.value,)
            return tuple(item for item in items if isinstance(item, Word))
    return None


def _inputs(
    number: int,
    section: Section,
    named: Sequence[tuple[Word, ...] | None],
    index: dict[str, int],
    sections: Sequence[Section],
    findings: Findings,
    around: set[int],
) -> tuple[int, ...] | None:
    words = named[number]
    if words is None:
        if _is_source(section):
            return ()
        return (number - 1,) if number else None
    found: list[int] = []
    good = True
    for word in words:
        target = index.get(word.text)
        if target is None:
            above = () if findings.full else [name for name, i in index.items() if i < number]
            findings.unknown("unknown-layer", "layer", word, above, layer=section.name.text)
            good = False
        elif target >= number:
            good = False
            _too_early(number, target, word, named, index, sections, findings, around)
        else:
            found.append(target)
    return tuple(found) if good and found else None


def _too_early(
    number: int,
    target: int,
    word: Word,
    named: Sequence[tuple[Word, ...] | None],
    index: dict[str, int],
    sections: Sequence[Section],
    findings: Findings,
    around: set[int],
) -> None:
    """A layer that reads itself or one below it: a cycle if that one reads back, else only the wrong order.

    ``around`` are the layers of the cycles that have been reported: each is said once.
    """
    name = sections[number].name.text
    if number in around and target in around:
        return
    path = None if findings.full else _path(target, number, named, index)
    if path is not None:
        around.update(path)
        names = [sections[i].name.text for i in (number, *path)]
        shown = names if len(names) <= MOST_NAMED else [*names[: MOST_NAMED - 2], "...", names[-1]]
        findings.add("cycle", f"{name} reads its own output", word.span,
                     notes=(f"it reads {' -> '.join(shown)}",), layer=name)  # fmt: skip
        return
    findings.add(
        "reads-later-layer",
        f"{name} reads {word.text}, which stands below it",
        word.span,
        notes=(f"{word.text} is in line {sections[target].name.span.line}; a layer reads what stands above it",),
        layer=name,
    )


def _path(
    start: int, goal: int, named: Sequence[tuple[Word, ...] | None], index: dict[str, int]
) -> tuple[int, ...] | None:
    """The layers from ``start`` along what each reads to ``goal``, if they lead there."""
    previous: dict[int, int] = {start: start}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        if here == goal:
            path = [here]
            while path[-1] != start:
                path.append(previous[path[-1]])
            return tuple(reversed(path))
        words = named[here]
        reads = [index[w.text] for w in words if w.text in index] if words is not None else [here - 1][: here > 0]
        for i in reads:
            if i not in previous:
                previous[i] = here
                waiting.append(i)
    return None


def _is_source(section: Section) -> bool:
    """Whether a layer of this type reads nothing."""
    word = section.values[0] if section.values else None
    layer_type = layers.find(word.text) if isinstance(word, Word) else None
    return layer_type is not None and layer_type.arity == (0, 0)
