"""Mistakes in inherited lines: if a variant causes them, they are shown at the words of the variant that do.

The files of a spec are levels: at the bottom the file that starts from no other, above it each file that starts from
the one below, and at the top the changes on the command line. A mistake belongs to the lowest level at which it occurs,
and there to the words without which it would not occur.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from netspec.check import Checked, check
from netspec.diagnostics import Diagnostic, Edit, Label
from netspec.ir.shape import Shape
from netspec.language.parser import parse
from netspec.language.syntax import Section, Setting, Word
from netspec.language.variants import Texts
from netspec.solve.trial import KeepGoing
from netspec.source import Source, Span

MAX_LAYERS = 10_000
"""How many layers may be checked, over all trials, in search of the words that cause mistakes at one level."""

MAX_FIXES = 3
"""How many fixes are shown with a mistake that was moved to its cause, and so takes up more lines."""


class Located(NamedTuple):
    """A mistake, and the level that it belongs to and must be fixed at."""

    mistake: Diagnostic
    level: Level


def locate(checked: Checked, input_shape: Shape | None, keep_going: KeepGoing) -> tuple[Located, ...]:
    """Locate every mistake of a check at its cause, as far as this is found while ``keep_going`` returns ``True``."""
    levels = _levels(checked, input_shape, keep_going)
    return tuple(_locate(mistake, levels) for mistake in checked.diagnostics)


def _locate(mistake: Diagnostic, levels: Sequence[Level]) -> Located:
    top = levels[-1]
    places = [*mistake.spans, *(label.span for label in mistake.labels)]
    highest = max(
        (n for n, level in enumerate(levels) for span in places if span.source in level.sources), default=None
    )
    if highest is None:
        return Located(mistake, top)
    level = next(level for level in levels[highest:] if level is top or level.find(mistake))
    if level is not levels[highest]:  # all places are inherited
        return Located(_caused_by(level.causes(mistake) or level.base_name, mistake), level)
    own = [label for label in mistake.labels if label.span.source in level.sources]
    if own and mistake.span.source not in level.sources:
        return Located(_relocated(mistake, own), level)
    same = mistake if level is top else level.find(mistake)
    return Located(mistake, level if same and same.message == mistake.message else top)


def move_to_cause(mistake: Diagnostic, level: Level) -> Diagnostic:
    """Move a mistake whose place is inherited to the words of ``level`` that cause it.

    The moved mistake is a line longer. To keep it short, only ``MAX_FIXES`` of its fixes remain.
    """
    if mistake.span.source in level.sources:
        return mistake
    moved = _caused_by(level.causes(mistake), mistake)
    return mistake if moved is mistake else replace(moved, fixes=moved.fixes[:MAX_FIXES])


def _caused_by(words: Sequence[Span], mistake: Diagnostic) -> Diagnostic:
    because = [Label(word, "and of this" if n else "because of this") for n, word in enumerate(words)]
    return _relocated(mistake, because) if because else mistake


def _relocated(mistake: Diagnostic, causes: Sequence[Label]) -> Diagnostic:
    """Return the mistake located at its cause, with its former place as a label."""
    first, *others = mistake.spans
    same_line = [span for span in others if span.source is first.source and span.line == first.line]
    inherited = first.to(max((first, *same_line), key=lambda span: span.end))
    former_place = Label(inherited, mistake.own_label or f"{mistake.layer or 'this'} is inherited", brief=True)
    rest = (label for label in mistake.labels if label not in causes and label.span != first)
    return replace(mistake, spans=(causes[0].span,), labels=(*causes, former_place, *rest))


def _levels(checked: Checked, input_shape: Shape | None, keep_going: KeepGoing) -> tuple[Level, ...]:
    """The levels of a spec, from the bottom up."""
    texts = checked.texts
    if texts.problems or not (texts.bases or texts.changes):
        return (Level(texts, (texts.root,), input_shape, keep_going, checked),)
    files = (texts.root, *texts.bases)
    levels = [
        Level(Texts(files[n], files[n + 1 :]), (files[n],), input_shape, keep_going, None)
        for n in range(len(files) - 1, -1, -1)
    ]
    if texts.changes:
        return (*levels, Level(texts, texts.changes, input_shape, keep_going, checked))
    return (*levels[:-1], replace(levels[-1], texts=texts, result=checked))


@dataclass(frozen=True)
class Level:
    """A file together with the levels below it.

    ``sources`` are the level's own texts: one file, or the changes on the command line. ``result`` is the result of
    checking the level, if there is one already.
    """

    texts: Texts
    sources: tuple[Source, ...]
    input_shape: Shape | None
    keep_going: KeepGoing
    result: Checked | None

    @cached_property
    def checked(self) -> Checked:
        return self.result or check(self.texts, self.input_shape)

    def find(self, mistake: Diagnostic) -> Diagnostic | None:
        """Return the same mistake at this level, if it occurs here."""
        return self._mistakes.get(_identity(mistake))

    @cached_property
    def _mistakes(self) -> Mapping[tuple[str, str], Diagnostic]:
        return {_identity(d): d for d in self.checked.diagnostics}

    def causes(self, mistake: Diagnostic) -> tuple[Span, ...]:
        """Return each of the level's own words without which the mistake is gone, and no new one occurs."""
        return tuple(span for span, without in self._trials if _is_gone(mistake, self.checked, without))

    @property
    def base_name(self) -> tuple[Span, ...]:
        """The place that names the file below, which is blamed if only several words together cause a mistake."""
        nets = (setting for setting in self.texts.own.settings if setting.word.text == "net")
        spans = [p.span for net in nets for p in net.pairs if p.key.text == "from"]
        return tuple(spans) if self.sources == (self.texts.root,) else ()

    @cached_property
    def _trials(self) -> list[tuple[Span, Checked]]:
        """Each of the level's own words, with the result of a check without it."""
        limit = MAX_LAYERS // (len(self.checked.file.sections) + 1)
        changes = self.texts.changes if self.sources == self.texts.changes else ()
        if changes:
            without = [
                (
                    Span(source, 0, len(source.text)),
                    replace(self.texts, changes=tuple(s for s in changes if s is not source)),
                )
                for source in changes[:limit]
            ]
        else:
            removals = list(_statements(self.texts.root))[:limit]
            without = [(span, self.texts.edited((edit,))) for span, edit in removals]
        cache = self.checked.cache
        return [(span, check(texts, self.input_shape, cache)) for span, texts in without if self.keep_going()]


def _statements(source: Source) -> Iterator[tuple[Span, Edit]]:
    """Yield everything that a variant states, one item at a time, each with the edit that removes it."""
    file = parse(source)
    for setting in file.settings:
        yield from _setting_parts(setting)
    for section in file.sections:
        yield from _section_parts(section)


def _setting_parts(setting: Setting) -> Iterator[tuple[Span, Edit]]:
    names = [value for value in setting.values if isinstance(value, Word)]
    if setting.word.text == "gpus" or (setting.word.text == "drop" and len(names) == 1):
        yield setting.span, Edit(setting.span, "")
    elif setting.word.text == "drop":
        yield from ((name.span, Edit(name.span, "")) for name in names)
    yield from ((p.span, Edit(p.span, "")) for p in setting.pairs if p.key.text != "from")


def _section_parts(section: Section) -> Iterator[tuple[Span, Edit]]:
    if section.values or section.broken:
        yield section.name.span, Edit(section.span, "")
    else:
        yield from ((p.span, Edit(p.span, "")) for p in section.pairs)


def _is_gone(mistake: Diagnostic, before: Checked, after: Checked) -> bool:
    if mistake.severity == "warning" and after.graph is None:
        return False
    if _identity(mistake) in map(_identity, after.diagnostics):
        return False
    return {_identity(d) for d in before.errors}.issuperset(map(_identity, after.errors))


def _identity(mistake: Diagnostic) -> tuple[str, str]:
    return mistake.code, mistake.layer
