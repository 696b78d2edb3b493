"""Variants: specs that start from another one of their folder and change settings or single layers.

``[conv1] stride=2`` changes keys, ``[conv1] maxpool ...`` replaces the layer, ``drop NAME`` removes it,
``[new] conv ... after=NAME`` inserts one (at the end without ``after=``). Layers and settings are inherited, claims are
not. Merging gives a ``File`` like any other, whose spans point into the texts that they come from.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from netspec.diagnostics import Diagnostic, Edit, Label, apply
from netspec.diagnostics.fixes import replacement
from netspec.diagnostics.nearest import Suggestions, did_you_mean
from netspec.language.bases import Folder, find_bases, other_mistakes
from netspec.language.parser import parse, parse_change
from netspec.language.syntax import Dropped, File, Section, Setting, Value, Word
from netspec.language.written import written
from netspec.source import Source

MAX_COMPARED = 50_000
"""The most names that are compared with misspelt ones, which takes about half a second."""

MAX_LISTED = 40
"""If no name is similar, all names are listed, unless there are more than this."""

_KEY = re.compile(r"(?<![\w-])([\w-]+)\s*=")
_MERGED = ("net", "train", "augment", "test")
EITHER = {"epochs": "steps", "steps": "epochs"}
"""The keys of ``train`` of which a spec has one: a change to one of them replaces the other."""


@dataclass(frozen=True)
class Texts:
    """All texts of one spec: its own file, the files that it starts from (nearest first), and ``--set`` changes of
    single keys such as ``conv1.stride=2``. ``problems`` are the reasons why a file was not found in the ``folder``."""

    root: Source
    bases: tuple[Source, ...] = ()
    changes: tuple[Source, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    folder: Folder = field(default=Folder(), compare=False, repr=False)

    @cached_property
    def own(self) -> File:
        """The syntax of the spec's own file. For a variant these are only its changes."""
        return parse(self.root)

    def file(self) -> File:
        """Merge all texts into one file."""
        if self.problems:
            return File(self.root, (), (), (*self.problems, *other_mistakes(self.problems, self.own)))
        files = [*map(parse, reversed(self.bases)), self.own]
        result = files[0]
        suggestions = Suggestions(MAX_COMPARED)
        for variant in files[1:]:
            result = _merge(result, variant, suggestions)
        for change in self.changes:
            resolved = _resolve_change(parse_change(change), result, suggestions)
            result = replace(_merge(result, resolved, suggestions), source=self.root)
        return result

    def edited(self, edits: Sequence[Edit]) -> Texts:
        """Return the texts with the edits made, each in the text that its span points into."""

        def changed(source: Source) -> Source:
            mine = [edit for edit in edits if edit.span.source is source]
            return Source(source.name, apply(mine, source.text)) if mine else source

        root, changes = changed(self.root), tuple(map(changed, self.changes))
        if self.problems:
            return _collect_texts(root, self.folder, changes)
        return replace(self, root=root, bases=tuple(map(changed, self.bases)), changes=changes)


def collect_texts(source: Source, folder: Folder, changes: Sequence[str] = ()) -> Texts:
    """Collect the texts of a spec: its file, the files of its folder that it starts from, and changes of keys."""
    return _collect_texts(source, folder, tuple(Source("--set", text) for text in changes))


def _collect_texts(source: Source, folder: Folder, changes: tuple[Source, ...]) -> Texts:
    bases, problems = find_bases(source, folder)
    return Texts(source, bases, changes, problems, folder)


def _unknown_layer(
    word: Word, known: Collection[str], message: str, suggestions: Suggestions, notes: tuple[str, ...] = ()
) -> Diagnostic:
    near = suggestions.nearest(word.text, known) if word.text not in known else None
    fixes = (replacement(word.span, near, known),) if near else ()
    text = message.format(word.text) + did_you_mean(near)
    if not near and len(known) <= MAX_LISTED:
        notes = (*notes, f"there are {', '.join(known)}")
    return Diagnostic("unknown-layer", text, (word.span,), notes, fixes)


def _dropped_layer(word: Word, dropped: Mapping[str, Dropped], message: str) -> Diagnostic:
    """Return the diagnostic for a layer that has been dropped. No similar name is suggested: this one was meant."""
    label = Label(dropped[word.text].word.span, "dropped here")
    return Diagnostic("unknown-layer", message.format(word.text), (word.span,), labels=(label,))


class _Layers:
    """A base's layers while a variant changes them: a linked list, with the place of each name (its first use)."""

    def __init__(self, sections: Iterable[Section], dropped: Mapping[str, Dropped]) -> None:
        self.dropped = dict(dropped)
        self._sections: list[Section | None] = [None]
        self._next = [0]
        self._last = 0
        self.places: dict[str, int] = {}
        for section in sections:
            self.append(section)

    def __iter__(self) -> Iterator[Section]:
        place = self._next[0]
        while place:
            section = self._sections[place]
            if section is not None:
                yield section
            place = self._next[place]

    def append(self, section: Section) -> None:
        self.insert(self._last, section)

    def insert(self, place: int, section: Section) -> None:
        """Insert a layer after the one at ``place``."""
        new = len(self._sections)
        self._sections.append(section)
        self._next.append(self._next[place])
        self._next[place] = new
        if place == self._last:
            self._last = new
        self.places.setdefault(section.name.text, new)

    def change(self, section: Section) -> None:
        """Change keys of the layer of this name, or replace the layer if the section has a type."""
        place = self.places[section.name.text]
        old = self._sections[place]
        if old is not None and not section.values and not section.broken:
            given = {p.key.text for p in section.pairs}
            kept = tuple(p for p in old.pairs if p.key.text not in given)
            section = old.with_pairs((*kept, *section.pairs), section.claim)
        self._sections[place] = section

    def drop(self, word: Word) -> None:
        place = self.places.pop(word.text)
        section = self._sections[place]
        if section is not None:
            self.dropped[word.text] = Dropped(word, section)
        self._sections[place] = None


def _merge(base: File, variant: File, suggestions: Suggestions) -> File:
    base = base.without_claims()
    layers = _Layers(base.sections, base.dropped)
    diagnostics = [*base.diagnostics, *variant.diagnostics]
    settings = []
    for setting in variant.settings:
        if setting.word.text == "drop":
            diagnostics += _drop(setting, layers, suggestions)
        else:
            settings.append(setting)
    changed: set[str] = set()
    for section in variant.sections:
        name = section.name.text
        if name in changed:
            layers.append(section)  # two sections of one name: the checker reports it
        elif name in layers.places:
            layers.change(section)
        else:
            diagnostics += _insert(section, layers, suggestions)
        changed.add(name)
    merged = _merge_settings(_without_lost_keys(base.settings, variant.broken), settings)
    broken = (*base.broken, *variant.broken)
    return File(variant.source, tuple(layers), merged, tuple(diagnostics), broken, layers.dropped)


def _without_lost_keys(settings: Iterable[Setting], broken: Iterable[Setting]) -> tuple[Setting, ...]:
    """Return a base's settings without the keys that a variant sets in lines with syntax errors: their values are
    unknown."""
    broken_text: dict[str, str] = {}
    for setting in broken:
        words = setting.span.text.split()
        identity = " ".join(words[:2] if setting.word.text == "default" else words[:1])
        broken_text[identity] = setting.span.text
    kept = []
    for setting in settings:
        text = broken_text.get(_identity(setting), "")
        if setting.word.text != "gpus" or not text:
            kept.append(_without_keys(setting, set(_KEY.findall(text)) - {"from"}))
    return tuple(kept)


def _resolve_change(change: File, base: File, suggestions: Suggestions) -> File:
    """Turn a ``--set`` change into a change of a layer, or of a setting if no layer has that name."""
    layers = [section.name.text for section in base.sections]
    sections: list[Section] = []
    settings: list[Setting] = []
    diagnostics = list(change.diagnostics)
    for section in change.sections:
        name = section.name.text
        if name in layers:
            sections.append(section)
        elif name in _MERGED:
            settings.append(Setting(section.name, (), section.pairs, section.span))
        elif name in base.dropped:
            message = "layer {} is dropped, and cannot be changed"
            diagnostics.append(_dropped_layer(section.name, base.dropped, message))
        else:
            names = [*layers, *_MERGED]
            diagnostics.append(_unknown_layer(section.name, names, "there is no layer {}", suggestions))
    return File(change.source, tuple(sections), tuple(settings), tuple(diagnostics))


def _drop(setting: Setting, layers: _Layers, suggestions: Suggestions) -> list[Diagnostic]:
    """Remove the layers that a ``drop`` line names."""
    names = [v for v in setting.values if isinstance(v, Word)]
    wrong = [*(v for v in setting.values if not isinstance(v, Word)), *setting.pairs]
    diagnostics = [Diagnostic("bad-value", "drop needs names of layers", (v.span,)) for v in wrong]
    if not names and not wrong:
        diagnostics.append(Diagnostic("bad-value", "drop needs names of layers", (setting.word.span,)))
    known = dict(layers.places)  # the same names for all words, because ``nearest`` caches by them
    for word in names:
        if word.text in layers.places:
            layers.drop(word)
        else:
            diagnostics.append(_unknown_layer(word, known, "there is no layer {} to drop", suggestions))
    return diagnostics


def _insert(section: Section, layers: _Layers, suggestions: Suggestions) -> list[Diagnostic]:
    """Insert a new layer after the one that its ``after=`` names, or at the end."""
    if not section.values and not section.broken:
        if section.name.text in layers.dropped:
            return [_dropped_layer(section.name, layers.dropped, "layer {} is dropped, and cannot be changed")]
        message = "the base has no layer {}"
        return [_unknown_layer(section.name, layers.places, message, suggestions, ("a new layer needs a type",))]
    after = next((p for p in section.pairs if p.key.text == "after"), None)
    if after is None:
        layers.append(section)
        return []
    layer = section.with_pairs((p for p in section.pairs if p is not after), section.claim)
    if isinstance(after.value, Word) and after.value.text in layers.places:
        layers.insert(layers.places[after.value.text], layer)
        return []
    diagnostic = _wrong_after(after.value, layers, suggestions)
    layers.append(layer)
    return [diagnostic]


def _wrong_after(value: Value, layers: _Layers, suggestions: Suggestions) -> Diagnostic:
    """Return the diagnostic for a value of ``after=`` that is not the name of a layer."""
    if not isinstance(value, Word):
        return Diagnostic("bad-value", "after: needs the name of a layer", (value.span,))
    if value.text in layers.dropped:
        return _dropped_layer(value, layers.dropped, "layer {} is dropped: nothing can be placed after it")
    return _unknown_layer(value, layers.places, "there is no layer {} to place it after", suggestions)


def _merge_settings(base: Sequence[Setting], variant: Sequence[Setting]) -> tuple[Setting, ...]:
    """Return the base's settings with the variant's keys in place of its own, and without ``from=``.

    Of the two keys in ``EITHER``, each replaces the other. A setting that is in one file twice stays there twice, for
    the checker to report.
    """
    given: dict[str, set[str]] = {}
    for setting in variant:
        keys = {pair.key.text for pair in setting.pairs}
        given.setdefault(_identity(setting), set()).update(keys)
        if setting.word.text == "train":
            given["train"].update(EITHER[key] for key in keys & EITHER.keys())
    result: list[Setting] = []
    places: dict[str, int] = {}
    for setting in map(_without_from, base):
        identity = _identity(setting)
        places.setdefault(identity, len(result))
        result.append(_without_keys(setting, given.get(identity, set())))
    for setting in map(_without_from, variant):
        place = places.pop(_identity(setting), None)
        if place is None:
            result.append(setting)
        elif setting.word.text == "gpus":
            result[place] = setting
        else:
            old = result[place]
            result[place] = replace(setting, pairs=(*old.pairs, *setting.pairs), values=setting.values or old.values)
    return tuple(result)


def _identity(setting: Setting) -> str:
    """Return what identifies a setting: its word, and for ``default`` the layer type too."""
    types = setting.values[:1] if setting.word.text == "default" else ()
    return " ".join([setting.word.text, *map(written, types)])


def _without_from(setting: Setting) -> Setting:
    return _without_keys(setting, {"from"}) if setting.word.text == "net" else setting


def _without_keys(setting: Setting, keys: Collection[str]) -> Setting:
    return replace(setting, pairs=tuple(p for p in setting.pairs if p.key.text not in keys))
