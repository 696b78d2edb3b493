"""How wide a text is, whatever font a viewer has, and how a name that is too wide is broken.

A figure's text stays text, so that its font is the viewer's. Room is kept for the widest of the usual sans serifs.
"""

from __future__ import annotations

FAMILY = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

# Hundredths of the font size from space to tilde: the advance widths of DejaVu Sans, which is wider than Helvetica
# and Arial, and for a few letters those of the font that Pillow carries.
_WIDTHS = (
    *(32, 41, 46, 84, 64, 95, 78, 28, 39, 39, 56, 84, 32, 36, 32, 34),
    *(64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 53),
    *(100, 69, 69, 70, 77, 64, 58, 78, 76, 30, 55, 66, 58, 87, 75, 79),
    *(61, 79, 70, 64, 62, 74, 69, 99, 69, 62, 69, 39, 34, 39, 84, 50),
    *(50, 62, 64, 55, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98, 64, 62),
    *(64, 64, 42, 53, 40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84),
)
_WIDEST = 1.0
_BOLD = 1.13
_LINES = 4


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The most pixels that a line of text takes at a font size."""
    ems = sum(_WIDTHS[ord(c) - 32] / 100 if " " <= c <= "~" else _WIDEST for c in text)
    return ems * size * (_BOLD if bold else 1.0)


def broken(text: str, size: float, width: float, *, bold: bool = False) -> tuple[str, ...]:
    """A text in lines of at most ``width`` pixels, broken after spaces, ``_`` and ``-`` where that is possible.

    Of a text that needs more than a few lines the rest is left out, with an ellipsis.
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
        if len(lines) == _LINES - 1 and end < len(rest):
            return (*lines, rest[: max(1, end - 1)].rstrip() + "…")
        lines.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return tuple(lines)
