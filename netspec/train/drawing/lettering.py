"""Text in plots: the fonts that have its characters, and text that matplotlib would read as something else."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from netspec.formatting import listed, printable
from netspec.own_images import PNG_TEXT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_WIDTH = 24
"""The most columns of a name that are shown; a Chinese or Japanese character takes two."""

MAX_LISTED = 10
"""The most characters without a glyph that are named."""

_LAST_RESORT = "Last Resort"
"""The beginning of the name of matplotlib's font that has a box for every character."""


def short(text: str) -> str:
    """Prepare text for matplotlib: escape control characters and ``$`` (math mode), and shorten it."""
    clean = printable(text)
    if cell_len(clean) > MAX_WIDTH:
        clean = f"{set_cell_size(clean, MAX_WIDTH - 1).rstrip()}…"
    return clean.replace("$", r"\$")


@contextmanager
def fonts_for(text: str, warn: Callable[[str], None]) -> Iterator[None]:
    """Within this context, let matplotlib draw characters of ``text`` that its fonts lack with other installed fonts.

    The fonts are appended to ``font.family``. ``warn`` is called with the characters that no installed font has.
    """
    from matplotlib import rc_context, rcParams

    fonts, missing = _further_fonts(printable(text), rcParams["font.family"])
    if missing:
        warn(f"no installed font has {listed(sorted(missing), MAX_LISTED)}: boxes are drawn instead")
    with rc_context({"font.family": [*rcParams["font.family"], *fonts]}):
        yield


def as_png(figure: Figure) -> bytes:
    """Return a figure as PNG whose metadata names the program that made it."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # fonts_for has said so
        figure.savefig(out, format="png", dpi=150, bbox_inches="tight", metadata=PNG_TEXT)
    return out.getvalue()


def _further_fonts(text: str, families: list[str]) -> tuple[list[str], set[str]]:
    """Return the names of installed fonts with characters of ``text`` that ``families`` lack, and the characters that
    none has. The fonts are opened one after the other, only until no character is missing."""
    missing = {character for character in text if cell_len(character) and not character.isspace()}
    for family in families:
        missing -= _characters(family)
    found: list[str] = []
    names = _installed() if missing else []
    for name in names:
        if not missing:
            break
        if not name.startswith(_LAST_RESORT) and (has := missing & _characters(name)):
            found.append(name)
            missing -= has
    return found, missing


def _installed() -> list[str]:
    """Return the names of the installed fonts, those included that matplotlib's list of them is too old to have."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    for path in sorted(set(findSystemFonts()) - {font.fname for font in fontManager.ttflist}):
        with suppress(Exception):  # many kinds of exceptions for fonts that it cannot read
            fontManager.addfont(path)
    return list(dict.fromkeys(font.name for font in fontManager.ttflist))


def _characters(family: str) -> set[str]:
    """Return the characters that a font has glyphs for; none if it is a bitmap font, which matplotlib cannot scale."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    try:
        font = get_font(findfont(FontProperties(family=[family])))
    except (OSError, RuntimeError):
        return set()
    return set(map(chr, font.get_charmap())) if font.scalable else set()
