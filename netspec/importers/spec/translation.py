"""The result of translating a network of another program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from netspec.diagnostics import Diagnostic
from netspec.ir.settings import Aspect
from netspec.source import Source, Span


@dataclass(frozen=True)
class Translation:
    """A spec that was made from a network of another program.

    ``source`` is the text of the spec, ``diagnostics`` are warnings. ``spans`` maps layers of the spec to their places
    in the file that it was made from, if that is a text. ``unstated`` is what the network does not state.
    """

    source: Source
    diagnostics: tuple[Diagnostic, ...]
    spans: Mapping[str, Span] = field(default_factory=dict)
    unstated: frozenset[Aspect] = frozenset()

    def placed(self, diagnostic: Diagnostic) -> Diagnostic:
        """Return a diagnostic of the spec, moved to its layer's place in the file, or to the first if that has none.

        The fixes are left out, since they are changes of the spec.
        """
        place = self.spans.get(diagnostic.layer) or next(iter(self.spans.values()))
        return replace(diagnostic, spans=(place,), fixes=(), rejected=(), labels=())
