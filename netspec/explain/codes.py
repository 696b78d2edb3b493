"""The pages of the diagnostics: ``netspec/diagnostics/pages/CODE.md``, one a code."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from netspec import diagnostics

FOLDER = Path(diagnostics.__file__).parent / "pages"


@cache
def names() -> tuple[str, ...]:
    """The codes that have a page, in alphabetical order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.md")))


def page(code: str) -> str:
    """A code's page, without the comments by which its examples are kept up to date."""
    text = (FOLDER / f"{code}.md").read_text("utf-8")
    return re.sub(r"^<!--.*?-->\n\n?", "", text, flags=re.MULTILINE)


def summary(code: str) -> str:
    """What is wrong, in one sentence: the page's first paragraph."""
    return " ".join(page(code).split("\n\n")[1].split())
