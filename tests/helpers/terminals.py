"""A stream that claims to be a terminal."""

from __future__ import annotations

from io import StringIO


class Terminal(StringIO):
    """A text stream in memory whose ``isatty`` is true."""

    def isatty(self) -> bool:
        return True
