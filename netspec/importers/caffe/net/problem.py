"""What a spec cannot express."""

from __future__ import annotations

from netspec.source import Span


class Inexpressible(Exception):
    """A spec cannot express something of a layer. ``span`` is the place of it, if it is a part of the layer."""

    def __init__(self, reason: str, span: Span | None = None) -> None:
        super().__init__(reason)
        self.span = span
