"""A page on a terminal."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.markdown import Markdown
from rich.theme import Theme

_STYLES = Theme({"markdown.code": "bold cyan", "markdown.code_block": "cyan"})
"""Without the black background that code otherwise has, which a light terminal shows as bars."""


def show(page: str, file: TextIO) -> None:
    """Print a page with its headings, tables and code set off; without colours where ``NO_COLOR`` is set."""
    console = Console(file=file, theme=_STYLES)
    console.print(Markdown(page, code_theme="ansi_dark", hyperlinks=False))
