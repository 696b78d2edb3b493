"""Which layer reads which: names, order and cycles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netspec import layers
from netspec.check.report import Findings
from netspec.language.syntax import Section, Value, Values, Word


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
    inputs = tuple(
        _inputs(number, section, named, index, sections, findings) for number, section in enumerate(sections)
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
            known = [s.name.text for s in sections if s is not section]
            findings.unknown("unknown-layer", "layer", word, known, layer=section.name.text)
            good = False
        elif target >= number:
            good = False
            _too_early(number, target, word, named, index, sections, findings)
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
) -> None:
    """A layer that reads itself or one below it: a cycle if that one reads back, else only the wrong order."""
    name = sections[number].name.text
    path = _path(target, number, named, index)
    if path is not None:
        around = " -> ".join(sections[i].name.text for i in (number, *path))
        findings.add("cycle", f"{name} reads its own output", word.span, notes=(f"it reads {around}",), layer=name)
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
