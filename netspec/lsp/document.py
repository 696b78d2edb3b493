"""A spec as it stands in an editor, and what the checker says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from netspec.check import Checked, Known, LayerFacts, check
from netspec.diagnostics import Diagnostic
from netspec.diagnostics.model import whole
from netspec.language.bases import Folder
from netspec.language.syntax import File, Section
from netspec.language.variants import Texts, gather
from netspec.opening import LARGEST_FILE
from netspec.solve import solved
from netspec.source import Source, Span
from netspec.units import count


@dataclass(frozen=True)
class Document:
    """One text at one moment; the next keystroke makes another. What is known of it is found out when it is asked for.

    ``version`` is the editor's number of this text, ``None`` for a file that is not open in it. ``current`` says of a
    document whether there is no later text of it. ``earlier`` is what was found out of the text before.
    """

    uri: str
    version: int | None
    source: Source
    folder: Folder = field(repr=False, compare=False)
    current: Callable[[Document], bool] = field(default=lambda document: True, repr=False, compare=False)
    earlier: Known | None = field(default=None, repr=False, compare=False)

    @cached_property
    def too_large(self) -> bool:
        """Whether this is no spec by its size alone; then nothing in it is looked at."""
        return len(self.source.text) > LARGEST_FILE

    @cached_property
    def texts(self) -> Texts:
        """This text with those that it starts from."""
        if self.too_large:
            message = f"this file is larger than {count(LARGEST_FILE)} characters: it is no spec"
            return Texts(self.source, problems=(Diagnostic("too-large-file", message, (whole(self.source),)),))
        return gather(self.source, self.folder)

    @cached_property
    def file(self) -> File:
        """What stands in this text itself; of a variant, only the changes."""
        return File(self.source, (), (), ()) if self.too_large else self.texts.own

    @cached_property
    def checked(self) -> Checked:
        """The network that it describes, with what a variant inherits."""
        return check(self.texts, earlier=self.earlier)

    @property
    def known(self) -> Known | None:
        """What was found out of the layers of the last text that was checked, this one or one before."""
        return self.checked.known if "checked" in self.__dict__ else self.earlier

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The checker's diagnostics with the fixes that were found to hold. May take long for a large file.

        The search is given up once there is a later text, after the trial under way; some fixes are missing then.
        """
        return solved(self.checked, wanted=lambda: self.current(self)) if self.checked.diagnostics else ()

    @property
    def base(self) -> Span | None:
        """Where a variant names the file that it starts from."""
        nets = (setting for setting in self.file.settings if setting.word.text == "net")
        return next((p.value.span for net in nets for p in net.pairs if p.key.text == "from"), None)

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[LayerFacts]]:
        found: dict[str, list[LayerFacts]] = {}
        for facts in self.checked.layers:
            found.setdefault(facts.section.name.text, []).append(facts)
        return found

    def facts(self, section: Section) -> LayerFacts | None:
        """What is known of a layer of this text. Of two layers with one name, each has its own."""
        same = self._by_name.get(section.name.text, ())
        return next((f for f in same if f.section.name.span == section.name.span), same[0] if same else None)
