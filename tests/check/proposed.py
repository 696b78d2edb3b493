"""The fixes that a diagnostic proposes, by their titles."""

from __future__ import annotations

from netspec.diagnostics import Diagnostic, apply


def fixed(found: Diagnostic, title: str, text: str) -> str:
    """Return the text with the fix of this title applied."""
    (fix,) = [f for f in found.fixes if f.title == title]
    return apply(fix.edits, text)


def titles(found: Diagnostic) -> list[str]:
    return [fix.title for fix in found.fixes]
