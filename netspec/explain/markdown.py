"""The few pieces of Markdown that pages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from netspec.language.formatter import formatted
from netspec.source import Source


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A pipe table; columns that are empty in every row are left out."""
    body = list(rows)
    kept = [i for i in range(len(head)) if any(row[i] for row in body)]
    lines = [[head[i] for i in kept], ["---" for _ in kept], *([_cell(row[i]) for i in kept] for row in body)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def spec(text: str, kind: str = "net") -> str:
    """A spec as a fenced block, in its canonical layout."""
    return f"```{kind}\n{formatted(Source('example.net', text))}```\n"


def bullets(lines: Iterable[str]) -> str:
    """A list, an item a line."""
    return "".join(f"- {line}\n" for line in lines)


def first_sentence(text: str) -> str:
    """A text up to its first full stop.

    >>> first_sentence("One. Two.")
    'One.'
    """
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]


def lowered(page: str, levels: int) -> str:
    """A page whose headings stand so many levels deeper, to be a part of a larger one."""
    return re.sub(r"^(?=#+ )", "#" * levels, page, flags=re.MULTILINE)
