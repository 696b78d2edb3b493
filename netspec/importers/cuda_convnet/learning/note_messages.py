"""The messages about notes that are not followed, or only in part."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.check.report import Findings
from netspec.formatting import listed
from netspec.source import Span

MAX_LISTED = 4
"""The most layers that one message names."""


class NoteMessages:
    """Collects messages about notes: each message about a line is given once, with all layers that it applies to."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.all: dict[tuple[int, bool, str], tuple[Span, list[str]]] = {}

    def not_followed(self, span: Span, why: str) -> None:
        self._add(span, True, f"this note is not followed: {why}", [])

    def left_out(self, span: Span, why: str, names: Iterable[str] = ()) -> None:
        self._add(span, False, why, names)

    def _add(self, span: Span, unread: bool, message: str, names: Iterable[str]) -> None:
        _, layers = self.all.setdefault((span.start, unread, message), (span, []))
        layers += [name for name in names if name not in layers]

    def report(self) -> None:
        """Add all messages to the findings, in the order of the lines."""
        for (_, unread, message), (span, names) in sorted(self.all.items(), key=lambda item: item[0][0]):
            text = f"{name_list(names)}: {message}" if names else message
            self.findings.warn("cfg-unread-note" if unread else "cfg-left-out", text, span)


def name_list(names: Iterable[str]) -> str:
    """Return a list of names as text: at most the first four, and the number of others."""
    return listed([*names], MAX_LISTED)
