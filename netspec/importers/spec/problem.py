"""What a spec cannot express, with the reasons that several formats have, and what the other program rejects."""

from __future__ import annotations

from netspec.source import Span

NO_LAYER = "a spec has no layer that computes this"

NO_RECURRENCE = "a spec has no recurrent layers"

NO_SOFTPLUS = "a spec's softrelu is log(1 + e^x) only up to 4 and x above, which differs by up to 0.018"


class Inexpressible(Exception):
    """A spec cannot express something of a layer. ``span`` is the place of it, if it is a part of the layer."""

    def __init__(self, reason: str, span: Span | None = None) -> None:
        super().__init__(reason)
        self.span = span


class Rejected(Exception):
    """The other program rejects a layer. ``notes`` have the arithmetic."""

    def __init__(self, message: str, span: Span, *notes: str) -> None:
        super().__init__(message)
        self.span = span
        self.notes = notes
