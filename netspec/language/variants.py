"""Variants: a file that starts from another one of its folder and changes settings or single layers.

``[conv1] stride=2`` changes keys, ``[conv1] maxpool ...`` replaces the layer, ``drop NAME`` removes it,
``[new] conv ... after=NAME`` inserts one (at the end without ``after=``). Layers and settings are inherited, claims are
not. What comes out is a file like any other, whose parts remember where they stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from netspec.diagnostics import CannotOpen, Diagnostic, Edit, Fix, SpecError, apply
from netspec.diagnostics.nearest import nearest
from netspec.language.parser import parse, parse_change
from netspec.language.syntax import File, FileName, Pair, Section, Setting, Word
from netspec.source import Source

DEEPEST = 16
"""How many files may start from one another."""

_FROM = re.compile(r"\bfrom\s*=")
_MERGED = ("net", "train", "augment", "test")


@dataclass(frozen=True)
class Texts:
    """All texts of one spec: its file, those that it starts from (the next one first), and changes of single keys
    from elsewhere, ``conv1.stride=2``. ``problems`` are what kept another file from being found."""

    root: Source
    bases: tuple[Source, ...] = ()
    changes: tuple[Source, ...] = ()
    problems: tuple[Diagnostic, ...] = ()

    def file(self) -> File:
        """The one file that they come to."""
        if self.problems:
            return File(self.root, (), (), self.problems)
        files = [parse(source) for source in reversed((self.root, *self.bases))]
        missing = _base_of(files[0])
        if missing is not None:
            return File(self.root, (), (), (_no_folder(missing),))
        result = files[0]
        for variant in files[1:]:
            result = _merge(result, variant)
        for change in self.changes:
            result = replace(_merge(result, _addressed(parse_change(change), result)), source=self.root)
        return result

    def edited(self, edits: Sequence[Edit]) -> Texts:
        """The texts with edits made, each in the text that it is of."""

        def changed(source: Source) -> Source:
            mine = [edit for edit in edits if edit.span.source is source]
            return Source(source.name, apply(mine, source.text)) if mine else source

        return replace(
            self,
            root=changed(self.root),
            bases=tuple(map(changed, self.bases)),
            changes=tuple(map(changed, self.changes)),
        )


def gather(source: Source, read: Callable[[str], Source], changes: Sequence[str] = ()) -> Texts:
    """A spec's file with those that it starts from, and changes of keys.

    ``read`` opens a file of the same folder by its name, and raises ``CannotOpen`` or ``SpecError``.
    """
    bases: list[Source] = []
    seen = {source.name.rpartition("/")[2]}
    problem: Diagnostic | None = None
    while (pair := _from(bases[-1] if bases else source)) is not None:
        problem, base = _open(pair, seen, read)
        if base is None:
            break
        bases.append(base)
    said = tuple(Source("--set", text) for text in changes)
    return Texts(source, tuple(bases), said, (problem,) if problem else ())


def _from(source: Source) -> Pair | None:
    """The pair ``from=`` of a text's ``net`` line. A long text without these letters is not parsed for it."""
    return _base_of(parse(source)) if _FROM.search(source.text) else None


def _base_of(file: File) -> Pair | None:
    """The pair ``from=`` of a file's ``net`` line."""
    for setting in file.settings:
        if setting.word.text == "net":
            return next((p for p in setting.pairs if p.key.text == "from"), None)
    return None


def written_out(file: File) -> str:
    """A merged file as the text of one that starts from nothing. Comments are not kept."""
    lines = []
    for setting in file.settings:
        parts = [setting.word.span.text, *(v.span.text for v in setting.values), *(p.span.text for p in setting.pairs)]
        lines.append((setting.word.text in ("train", "augment", "test"), "  ".join(parts)))
    layers = []
    for section in file.sections:
        parts = [
            f"[{section.name.text}]",
            *(v.span.text for v in section.values),
            *(p.span.text for p in section.pairs),
        ]
        claim = f"  -> {section.claim.span.text}" if section.claim else ""
        layers.append("  ".join(parts) + claim)
    before = [line for late, line in lines if not late]
    after = [line for late, line in lines if late]
    return "\n".join([*before, "", *layers, "", *after]).strip() + "\n"


def _open(pair: Pair, seen: set[str], read: Callable[[str], Source]) -> tuple[Diagnostic | None, Source | None]:
    if not isinstance(pair.value, FileName):
        return Diagnostic("bad-value", "from: needs the name of a spec, from=alexnet.net", (pair.value.span,)), None
    name = pair.value.text
    if "/" in name or "\\" in name or name.startswith("."):
        notes = ("a variant starts from a spec of its own folder",)
        return Diagnostic("outside-folder", f"{name} is not in this file's folder", (pair.value.span,), notes), None
    if name in seen or len(seen) > DEEPEST:
        notes = (f"{' and '.join(sorted(seen))} start from one another",)
        return Diagnostic("variant-cycle", f"starting from {name} leads back here", (pair.value.span,), notes), None
    seen.add(name)
    try:
        return None, read(name)
    except CannotOpen as error:
        return Diagnostic("no-such-file", str(error), (pair.value.span,)), None
    except SpecError as error:
        return error.diagnostics[0], None


def _no_folder(pair: Pair) -> Diagnostic:
    return Diagnostic("no-such-file", "a text without a folder cannot start from a file", (pair.span,))


def _merge(base: File, variant: File) -> File:
    sections = [replace(s, claim=None) for s in base.sections]
    diagnostics = [*base.diagnostics, *variant.diagnostics]
    settings = []
    for setting in variant.settings:
        if setting.word.text == "drop":
            diagnostics += _drop(setting, sections)
        else:
            settings.append(setting)
    changed: set[str] = set()
    for section in variant.sections:
        name = section.name.text
        place = next((i for i, s in enumerate(sections) if s.name.text == name), None)
        if name in changed:
            sections.append(section)  # two sections of one name: the checker says so
        elif place is None:
            diagnostics += _insert(section, sections, base)
        else:
            sections[place] = _change(sections[place], section)
        changed.add(name)
    return File(variant.source, tuple(sections), _settings(base.settings, settings), tuple(diagnostics))


def _addressed(change: File, base: File) -> File:
    """A change from elsewhere, of a setting where it names one and no layer."""
    sections = [s for s in change.sections if _is_layer(s.name.text, base)]
    settings = [Setting(s.name, (), s.pairs, s.span) for s in change.sections if s not in sections]
    return replace(change, sections=tuple(sections), settings=tuple(settings))


def _is_layer(name: str, base: File) -> bool:
    return name not in _MERGED or any(s.name.text == name for s in base.sections)


def _drop(setting: Setting, sections: list[Section]) -> list[Diagnostic]:
    """Remove the layers that a ``drop`` line names."""
    names = [v for v in setting.values if isinstance(v, Word)]
    wrong = [*(v for v in setting.values if not isinstance(v, Word)), *setting.pairs]
    diagnostics = [Diagnostic("bad-value", "drop needs names of layers", (v.span,)) for v in wrong]
    if not names and not wrong:
        diagnostics.append(Diagnostic("bad-value", "drop needs names of layers", (setting.word.span,)))
    for word in names:
        place = next((i for i, s in enumerate(sections) if s.name.text == word.text), None)
        if place is None:
            diagnostics.append(_unknown(word, sections, "there is no layer {} to drop"))
        else:
            del sections[place]
    return diagnostics


def _change(old: Section, new: Section) -> Section:
    """A layer whose keys are changed, or, where the variant gives a type, another layer in its place."""
    if new.values or new.broken:
        return new
    given = {p.key.text for p in new.pairs}
    kept = tuple(p for p in old.pairs if p.key.text not in given)
    return replace(old, pairs=(*kept, *new.pairs), claim=new.claim)


def _insert(section: Section, sections: list[Section], base: File) -> list[Diagnostic]:
    """Put a new layer behind the one that its ``after=`` names, or at the end."""
    after = next((p for p in section.pairs if p.key.text == "after"), None)
    bare = replace(section, pairs=tuple(p for p in section.pairs if p is not after))
    if not section.values and not section.broken:
        message = "the base has no layer {}"
        return [_unknown(section.name, base.sections, message, ("a new layer needs a type",))]
    if after is None:
        sections.append(bare)
        return []
    place = None
    if isinstance(after.value, Word):
        name = after.value.text
        place = next((i for i, s in enumerate(sections) if s.name.text == name), None)
    if place is None:
        sections.append(bare)
        if isinstance(after.value, Word):
            return [_unknown(after.value, sections, "there is no layer {} to stand after")]
        return [Diagnostic("bad-value", "after: needs the name of a layer", (after.value.span,))]
    sections.insert(place + 1, bare)
    return []


def _settings(base: Sequence[Setting], variant: Sequence[Setting]) -> tuple[Setting, ...]:
    """The base's settings with the variant's keys in place of its own; ``from=`` has done its work."""
    result = [_without_from(s) for s in base]
    for setting in map(_without_from, variant):
        place = next((i for i, s in enumerate(result) if _same_subject(s, setting)), None)
        if place is None:
            result.append(setting)
        elif setting.word.text == "gpus":
            result[place] = setting
        else:
            given = {p.key.text for p in setting.pairs}
            kept = tuple(p for p in result[place].pairs if p.key.text not in given)
            values = setting.values or result[place].values
            result[place] = replace(setting, pairs=(*kept, *setting.pairs), values=values)
    return tuple(result)


def _same_subject(a: Setting, b: Setting) -> bool:
    """Whether two settings speak of one thing: the same word, and, of defaults, the same layer type."""
    if a.word.text != b.word.text:
        return False
    if a.word.text == "default":
        return [v.span.text for v in a.values[:1]] == [v.span.text for v in b.values[:1]]
    return a.word.text in (*_MERGED, "gpus")


def _without_from(setting: Setting) -> Setting:
    if setting.word.text != "net":
        return setting
    return replace(setting, pairs=tuple(p for p in setting.pairs if p.key.text != "from"))


def _unknown(word: Word, sections: Sequence[Section], message: str, notes: tuple[str, ...] = ()) -> Diagnostic:
    near = nearest(word.text, [s.name.text for s in sections])
    fixes = (Fix(f"write {near}", (Edit(word.span, near),), spelling=True),) if near else ()
    said = message.format(word.text) + (f"; did you mean {near}?" if near else "")
    return Diagnostic("unknown-layer", said, (word.span,), notes, fixes)
