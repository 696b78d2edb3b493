"""Where what is said of an imported spec is shown in the file that it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netspec.diagnostics import Diagnostic
from netspec.source import Span


def in_file(diagnostic: Diagnostic, spans: Mapping[str, Span]) -> Diagnostic:
    """Return a diagnostic of the spec, moved to its layer's place in the file, or to the first if that has none.

    ``spans`` are the places of the spec's layers. The fixes are left out, since they are changes of the spec.
    """
    place = spans.get(diagnostic.layer) or next(iter(spans.values()))
    return replace(diagnostic, spans=(place,), fixes=(), rejected=(), labels=())
