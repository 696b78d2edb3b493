"""The pages of the diagnostics, read from ``netspec/diagnostics/pages/CODE.md``."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from netspec import diagnostics

FOLDER = Path(diagnostics.__file__).parent / "pages"


@cache
def names() -> tuple[str, ...]:
    """Return the codes that have a page, in alphabetical order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.md")))


def page(code: str) -> str:
    """Return a code's page without the comments that mark its generated examples."""
    text = (FOLDER / f"{code}.md").read_text("utf-8")
    return re.sub(r"^<!--.*?-->\n\n?", "", text, flags=re.MULTILINE)


def summary(code: str) -> str:
    """Return the first paragraph of a code's page, which states in one sentence what is wrong."""
    return " ".join(page(code).split("\n\n")[1].split())
