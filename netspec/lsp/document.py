"""A text in the editor, with its check results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from netspec.check import Checked, LayerCache, LayerFacts, check
from netspec.diagnostics import Diagnostic
from netspec.diagnostics.model import first_line_span
from netspec.formatting import format_count
from netspec.language.bases import Folder
from netspec.language.syntax import File, Section
from netspec.language.variants import Texts, collect_texts
from netspec.opening import MAX_FILE_BYTES
from netspec.solve import with_fixes
from netspec.source import Source, Span


@dataclass(frozen=True)
class Document:
    """A snapshot of a spec's text; every change of the text makes a new one. Results are computed on first access.

    ``version`` is the editor's version number of this text, or ``None`` for a file that is not open in the editor.
    ``is_current`` returns whether a document is still the latest snapshot of its text. ``earlier`` is the cache of the
    check of an earlier snapshot, which makes this one's check faster.
    """

    uri: str
    version: int | None
    source: Source
    folder: Folder = field(repr=False, compare=False)
    is_current: Callable[[Document], bool] = field(default=lambda document: True, repr=False, compare=False)
    earlier: LayerCache | None = field(default=None, repr=False, compare=False)

    @cached_property
    def too_large(self) -> bool:
        """Whether the text is too large to be a spec. It is not parsed then."""
        return len(self.source.text) > MAX_FILE_BYTES

    @cached_property
    def texts(self) -> Texts:
        """This text and the base specs that it starts from."""
        if self.too_large:
            message = f"this file is larger than {format_count(MAX_FILE_BYTES)} characters: too large for a spec"
            problem = Diagnostic("too-large-file", message, (first_line_span(self.source),))
            return Texts(self.source, problems=(problem,))
        return collect_texts(self.source, self.folder)

    @cached_property
    def file(self) -> File:
        """The syntax of this text alone; for a variant, only its changes."""
        return File(self.source, (), (), ()) if self.too_large else self.texts.own

    @cached_property
    def checked(self) -> Checked:
        """The result of checking the spec, together with its base specs."""
        return check(self.texts, earlier=self.earlier)

    @property
    def cache(self) -> LayerCache | None:
        """The cache of this document's check, or, if it has not been checked yet, that of an earlier one."""
        return self.checked.cache if "checked" in self.__dict__ else self.earlier

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The checker's diagnostics with verified fixes. Computing them may take long for a large file.

        The search for fixes stops early, and the result is incomplete, once the document is no longer current.
        """
        return with_fixes(self.checked, keep_going=lambda: self.is_current(self)) if self.checked.diagnostics else ()

    @property
    def base(self) -> Span | None:
        """The place of the file name after ``from=``, or ``None`` if the spec is not a variant."""
        nets = (setting for setting in self.file.settings if setting.word.text == "net")
        return next((p.value.span for net in nets for p in net.pairs if p.key.text == "from"), None)

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[LayerFacts]]:
        by_name: dict[str, list[LayerFacts]] = {}
        for facts in self.checked.layers:
            by_name.setdefault(facts.name, []).append(facts)
        return by_name

    def facts(self, section: Section) -> LayerFacts | None:
        """Return the check results of a layer of this text. If two layers have the same name, each gets its own."""
        namesakes = self._by_name.get(section.name.text, ())
        same = (facts for facts in namesakes if facts.section.name.span == section.name.span)
        return next(same, namesakes[0] if namesakes else None)
