"""Estimate the width of text in an unknown font, and wrap text that is too wide.

Figures contain text, not outlines, and the viewer chooses the font. Widths are therefore upper bounds: those of the
widest of the usual sans serif fonts.
"""

from __future__ import annotations

FAMILY = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

# Advance widths of the characters from space to tilde, in hundredths of the font size: those of DejaVu Sans, which is
# wider than Helvetica and Arial, or of Pillow's default font for the few letters that are wider there.
_WIDTHS = (
    *(32, 41, 46, 84, 64, 95, 78, 28, 39, 39, 56, 84, 32, 36, 32, 34),
    *(64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 53),
    *(100, 69, 69, 70, 77, 64, 58, 78, 76, 30, 55, 66, 58, 87, 75, 79),
    *(61, 79, 70, 64, 62, 74, 69, 99, 69, 62, 69, 39, 34, 39, 84, 50),
    *(50, 62, 64, 55, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98, 64, 62),
    *(64, 64, 42, 53, 40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84),
)
_MAX_CHARACTER_WIDTH = 1.0
_BOLD = 1.13
_MAX_LINES = 4


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return an upper bound in pixels for the width of a line of text. ``size`` is the font size in pixels."""
    ems = sum(_WIDTHS[ord(c) - 32] / 100 if " " <= c <= "~" else _MAX_CHARACTER_WIDTH for c in text)
    return ems * size * (_BOLD if bold else 1.0)


def wrap(text: str, size: float, width: float, *, bold: bool = False) -> tuple[str, ...]:
    """Wrap text into lines of at most ``width`` pixels, after spaces, ``_`` and ``-`` where possible.

    Text that needs more than four lines is cut off with an ellipsis.
    """
    lines: list[str] = []
    rest = text
    while rest:
        end = 1
        while end < len(rest) and text_width(rest[: end + 1].rstrip(), size, bold=bold) <= width:
            end += 1
        if end < len(rest):
            seam = max(rest.rfind(c, 1, end) for c in " _-")
            end = seam + 1 if seam > 0 else end
        if len(lines) == _MAX_LINES - 1 and end < len(rest):
            return (*lines, rest[: max(1, end - 1)].rstrip() + "…")
        lines.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return tuple(lines)
