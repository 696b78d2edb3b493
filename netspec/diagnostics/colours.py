"""Diagnostics in colour, for terminals. Colouring only adds escape sequences to the text."""

from __future__ import annotations

import os
import re
from typing import TextIO

_BOLD, _RED, _GREEN, _YELLOW, _BLUE, _PLAIN = (f"\x1b[{code}m" for code in (1, 31, 32, 33, 34, 0))
_HEAD = re.compile(r"(error|warning)\[[\w-]+\]")
_MARKS = re.compile(r"( *\| )([ ^-]*[\^-])((?: .*)?)")
_SIGN = re.compile(r"( *)(-->|:::|\||=|fix:|not a fix:)(?= |$)")
_SIGNS = {"-->": _BLUE, ":::": _BLUE, "|": _BLUE, "=": _BLUE, "fix:": _GREEN, "not a fix:": _YELLOW}


def shows_colours(file: TextIO) -> bool:
    """Whether a file is a terminal that shows colours, and ``NO_COLOR`` (no-color.org) is not set."""
    return file.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(text: str) -> str:
    """Return the text of diagnostics, as ``render_all`` returns it, with its heads, marks and fixes in colour."""
    lines: list[str] = []
    colour = _RED
    for line in text.split("\n"):
        if head := _HEAD.match(line):
            colour = _RED if head[1] == "error" else _YELLOW
            lines.append(f"{_BOLD}{colour}{head[0]}{_PLAIN}{_BOLD}{line[head.end() :]}{_PLAIN}")
        elif marks := _MARKS.fullmatch(line):
            underline = re.sub(r"\^+", rf"{_BOLD}{colour}\g<0>{_PLAIN}", marks[2])
            underline = re.sub("-+", rf"{_BLUE}\g<0>{_PLAIN}", underline)
            lines.append(f"{marks[1]}{underline}{marks[3]}")
        elif sign := _SIGN.match(line):
            lines.append(f"{sign[1]}{_SIGNS[sign[2]]}{sign[2]}{_PLAIN}{line[sign.end() :]}")
        else:
            lines.append(line)
    return "\n".join(lines)
