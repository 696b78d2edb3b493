"""Helpers that write Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from netspec.language.formatter import formatted
from netspec.source import Source


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table. Columns that are empty in every row are left out."""
    body = list(rows)
    kept = [i for i in range(len(head)) if any(row[i] for row in body)]
    lines = [[head[i] for i in kept], ["---" for _ in kept], *([_cell(row[i]) for i in kept] for row in body)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def spec(text: str, kind: str = "net") -> str:
    """Return a spec, in its canonical layout, as a fenced block."""
    return f"```{kind}\n{formatted(Source('example.net', text))}```\n"


def bullets(lines: Iterable[str]) -> str:
    """Return a list with one item per line."""
    return "".join(f"- {line}\n" for line in lines)


def first_sentence(text: str) -> str:
    """Return a text up to its first full stop.

    >>> first_sentence("One. Two.")
    'One.'
    """
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]
