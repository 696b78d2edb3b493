"""Collect the checker's diagnostics, and turn bad values and faults into diagnostics."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from netspec import layers
from netspec.diagnostics import Diagnostic, Edit, Fix, Label
from netspec.diagnostics.fixes import replacement
from netspec.diagnostics.nearest import Suggestions, did_you_mean
from netspec.diagnostics.other_tools.types import ABSENT_TYPES
from netspec.diagnostics.other_tools.words import plain_word
from netspec.ir.fault import Fault
from netspec.keys import BadValue
from netspec.language.parser import MAX_MISTAKES
from netspec.language.syntax import Dropped, Pair, Value, Values, Word
from netspec.source import Source, Span

MAX_COMPARED = 100_000
"""How many names one check may compare with misspelt ones: about a second's work."""


class Findings:
    """The diagnostics of one check, in the order in which they were found. Once ``full``, it ignores further ones."""

    def __init__(self, root: Source, dropped: Mapping[str, Dropped] = MappingProxyType({})) -> None:
        self.root = root
        self.dropped = dropped
        self.all: list[Diagnostic] = []
        self._suggestions = Suggestions(MAX_COMPARED)
        self._listed = False

    @property
    def full(self) -> bool:
        """Whether there are so many mistakes that the file is probably not a spec."""
        return len(self.all) >= MAX_MISTAKES

    def has_errors(self) -> bool:
        """Whether any error has been found."""
        return any(d.severity == "error" for d in self.all)

    def add(
        self,
        code: str,
        message: str,
        *spans: Span,
        notes: Iterable[str] = (),
        fixes: tuple[Fix, ...] = (),
        layer: str = "",
        labels: Iterable[Label] = (),
    ) -> None:
        """Record an error."""
        if not self.full:
            self.all.append(Diagnostic(code, message, spans, tuple(notes), fixes, layer=layer, labels=tuple(labels)))

    def warn(self, code: str, message: str, *spans: Span, notes: Iterable[str] = (), layer: str = "") -> None:
        """Record a warning."""
        if not self.full:
            self.all.append(Diagnostic(code, message, spans, tuple(notes), severity="warning", layer=layer))

    def has(self, code: str, span: Span) -> bool:
        """Whether a diagnostic with this code is recorded at this place."""
        return any(d.code == code and d.span == span for d in self.all)

    def extend(self, others: Iterable[Diagnostic]) -> None:
        """Record diagnostics that were collected elsewhere, except those that are recorded already."""
        self.all += [other for other in others if other not in self.all][: MAX_MISTAKES - len(self.all)]

    def bad_value(self, key: str, error: BadValue, layer: str = "") -> None:
        """Record everything that is wrong with a value that its key does not accept."""
        for one in (error, *error.others):
            fixes = (replacement(one.span, one.replacement),) if one.replacement else ()
            self.add("bad-value", f"{key}: {one.message}", one.span, notes=one.notes, fixes=fixes, layer=layer)

    def unknown(
        self, code: str, what: str, word: Word, known: Collection[str], *, notes: Iterable[str] = (), layer: str = ""
    ) -> str | None:
        """Record an unknown name, and return the nearest known one."""
        near = self.nearest(word.text, known)
        message = f"{what} '{word.text}' is unknown" + did_you_mean(near)
        fixes = (replacement(word.span, near, known),) if near else ()
        self.add(code, message, word.span, notes=notes, fixes=fixes, layer=layer)
        return near

    def unknown_layer(self, word: Word, known: Collection[str], layer: str, of_type: Sequence[str] = ()) -> None:
        """Record the name of a layer that does not exist, or is dropped. ``layer`` is the one that names it.

        ``of_type`` are the layers of the type that the word is.
        """
        if len(of_type) == 1:
            message = f"layer '{word.text}' is unknown; did you mean {of_type[0]}, the only {word.text}?"
            self.add("unknown-layer", message, word.span, fixes=(replacement(word.span, of_type[0]),), layer=layer)
            return
        if word.text not in self.dropped:
            self.unknown("unknown-layer", "layer", word, known, layer=layer)
            return
        label = Label(self.dropped[word.text].word.span, "dropped here")
        self.add("unknown-layer", f"layer '{word.text}' is dropped", word.span, layer=layer, labels=(label,))

    def unknown_type(self, word: Word, keys: Collection[str], layer: str = "") -> str | None:
        """Record an unknown layer type, and return the nearest known one: of those with these ``keys``, else of those
        with some of them, unless no type has one.

        If it resembles none, a note says why it is absent or, once a file, lists the known types.
        """
        notes: tuple[str, ...] = ()
        of_keys = ([one.name for one in layers.all_types() if fit(map(one.key, keys))] for fit in (all, any))
        likely = [names for names in of_keys if names] or [[*layers.names()]]
        candidates = next((names for names in likely if self.nearest(word.text, names)), None)
        if candidates is None:
            candidates = likely[0]
            absent = ABSENT_TYPES.get(plain_word(word.text))
            listed = f"the layer types, which netspec explain describes: {', '.join(layers.names())}"
            notes = (absent,) if absent else () if self._listed else (listed,)
            self._listed = self._listed or absent is None
        return self.unknown("unknown-type", "layer type", word, candidates, notes=notes, layer=layer)

    def nearest(self, word: str, known: Collection[str]) -> str | None:
        """Return the known name that is most like a misspelt one, unless too many names have been compared."""
        return None if self.full else self._suggestions.nearest(word, known)

    def fault(
        self, fault: Fault, layer: str, type_span: Span, pairs: Mapping[str, Pair], labels: Iterable[Label] = ()
    ) -> None:
        """Record the fault of an operation at the keys that it names.

        In a variant, the keys that the variant itself gives come before those that it inherits.
        """
        spans = key_spans(pairs, fault.keys, type_span, self.root)
        if fault.item is not None and (listed := pairs.get(fault.keys[0])):
            spans = (_item(listed.value, fault.item),)
        self.add(fault.code, fault.message.format(layer=layer), *spans, notes=fault.notes, layer=layer, labels=labels)


def _item(value: Value, number: int) -> Span:
    """The span of an item of a list; a value that is not a list counts as a list of one."""
    return value.items[number].span if isinstance(value, Values) else value.span


def key_spans(pairs: Mapping[str, Pair], keys: Iterable[str], type_span: Span, root: Source) -> tuple[Span, ...]:
    """Return the spans of a layer's keys: those in ``root`` first, then those on the type's line.

    If the layer gives none of the keys, this is the span of its type.
    """
    line = type_span.line
    spans = [pairs[key].span for key in keys if key in pairs]
    spans.sort(key=lambda s: (s.source is not root, s.line != line, s.start))
    return tuple(spans) or (type_span,)


def joined_size(values: Sequence[Value]) -> Fix | None:
    """Return the fix that joins a size written in pieces (3 x 8 x 8 or 3 8 8), or ``None`` if the values are none."""
    whole = values[0].span.to(values[-1].span)
    if not re.fullmatch(r"\d+(?:\s*x\s*\d+)+|\d+\s+\d+\s+\d+", whole.text):
        return None
    text = "x".join(re.findall(r"\d+", whole.text))
    return Fix(f"write {text}", (Edit(whole, text),), spelling=True)
