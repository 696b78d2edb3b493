"""Silencing a warning where it stands: the comment ``# allow: unread-pixels`` on its line."""

from __future__ import annotations

import re

from netspec.diagnostics import Diagnostic, Edit
from netspec.source import Span

_ALLOWED = re.compile(r"\ballow:\s*([a-z-]+(?:\s*,\s*[a-z-]+)*)")


def allowed(warning: Diagnostic) -> bool:
    """Whether a comment on its line silences a warning. Errors are never silenced."""
    if warning.severity != "warning":
        return False
    _, _, comment = warning.span.source.line(warning.span.line).partition("#")
    said = _ALLOWED.search(comment)
    return said is not None and warning.code in re.split(r"\s*,\s*", said[1])


def allowance(warning: Diagnostic) -> Edit:
    """The change of the warning's line that silences it: a comment, or a code more in the one that is there."""
    source, number = warning.span.source, warning.span.line
    line = source.line(number)
    code, hash_sign, comment = line.partition("#")
    said = _ALLOWED.search(comment)
    if said:
        place, text = len(code) + len(hash_sign) + said.end(), f", {warning.code}"
    elif hash_sign:
        written = line.rstrip()
        place, text = len(written), f"{'' if written.endswith('#') else ';'} allow: {warning.code}"
    else:
        place, text = len(line.rstrip()), f"  # allow: {warning.code}"
    start = source.line_starts[number - 1] + place
    return Edit(Span(source, start, start), text)
