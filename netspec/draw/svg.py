"""Render a figure as SVG with real text. With the theme ``auto``, colours follow the viewer's light or dark mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

from netspec.draw.fonts import FAMILY
from netspec.draw.marks import Figure, Group, Mark, Point, Polygon, Slab, Stroke, Words
from netspec.draw.theme import DARK, LIGHT, ThemeName
from netspec.own_images import SVG_COMMENT


def to_svg(figure: Figure, theme: ThemeName = "auto") -> str:
    """Render a figure as a self-contained document without scripts, fonts or external references."""
    width, height = _number(figure.width), _number(figure.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{FAMILY}">',
        SVG_COMMENT,
        f"<title>{_text(figure.title)}</title>",
        f"<desc>{_text(figure.description)}</desc>",
        f"<style>{_style(_roles(figure), theme)}</style>",
        f'<rect width="{width}" height="{height}" class="paper"/>',
        *(line for mark in figure.marks for line in _lines(mark)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _roles(figure: Figure) -> tuple[str, ...]:
    """Return the roles that the figure uses, in the theme's order."""
    used = {"paper"}
    for mark in figure.flat():
        match mark:
            case Polygon() | Slab():
                used |= {mark.fill} | ({mark.stroke} if mark.stroke else set())
            case Stroke() | Words():
                used.add(mark.role)
    return tuple(role for role in LIGHT if role in used)


def _style(roles: tuple[str, ...], theme: ThemeName) -> str:
    """Return the style sheet: a fill class and a stroke class per role. Few viewers support CSS variables."""
    rules = _rules(roles, DARK if theme == "dark" else LIGHT)
    if theme == "auto":
        rules += "@media (prefers-color-scheme: dark) {" + _rules(roles, DARK) + "}"
    return rules


def _rules(roles: tuple[str, ...], colours: Mapping[str, str]) -> str:
    return "".join(f".{role}{{fill:{colours[role]}}}.{role}-s{{stroke:{colours[role]}}}" for role in roles)


def _lines(mark: Mark) -> Iterator[str]:
    match mark:
        case Group():
            yield f"<g><title>{_text(mark.title)}</title>"
            for inner in mark.marks:
                yield from _lines(inner)
            yield "</g>"
        case Polygon():
            points = " ".join(map(_point, mark.points))
            yield f'<polygon points="{points}" {_area(mark.fill, mark.stroke)} stroke-linejoin="round"/>'
        case Slab():
            place = f'x="{_number(mark.x)}" y="{_number(mark.y)}"'
            size = f'width="{_number(mark.width)}" height="{_number(mark.height)}" rx="{_number(mark.radius)}"'
            yield f"<rect {place} {size} {_area(mark.fill, mark.stroke)}/>"
        case Stroke():
            dashes = ' stroke-dasharray="3 2.5"' if mark.dashed else ""
            width = "" if mark.width == 1 else f' stroke-width="{_number(mark.width)}"'
            yield f'<path d="{_path(mark)}" class="{mark.role}-s" fill="none"{width}{dashes}/>'
        case Words():
            anchor = "" if mark.anchor == "start" else f' text-anchor="{mark.anchor}"'
            bold = ' font-weight="bold"' if mark.bold else ""
            place = f'x="{_number(mark.x)}" y="{_number(mark.y)}" font-size="{_number(mark.size)}"'
            yield f'<text {place} class="{mark.role}"{anchor}{bold}>{_text(mark.text)}</text>'


def _area(fill: str, stroke: str | None) -> str:
    return f'class="{fill} {stroke}-s"' if stroke else f'class="{fill}"'


def _path(stroke: Stroke) -> str:
    first, *rest = map(_point, stroke.points)
    return f"M{first} {'C' if stroke.curved else 'L'}{' '.join(rest)}"


def _point(point: Point) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _number(value: float) -> str:
    """Format a coordinate with at most one decimal, and without a minus sign before zero."""
    return f"{round(value, 1) + 0.0:g}" if abs(value) < 1e5 else f"{value:.1f}"


def _text(text: str) -> str:
    """Escape text for XML, and replace the characters that XML forbids, such as control characters."""
    return escape("".join(c if c in "\n\t" or _allowed(ord(c)) else "\ufffd" for c in text))


def _allowed(code: int) -> bool:
    return 0x20 <= code < 0x7F or 0xA0 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code >= 0x10000
