"""Render a figure as PNG with Pillow and its built-in font, without any system fonts."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from netspec.draw.marks import Figure, Point, Polygon, Slab, Stroke, Words
from netspec.draw.theme import DARK, LIGHT, ThemeName
from netspec.own_images import PNG_TEXT

DENSITY = 2
"""PNG pixels per CSS pixel."""

_FINER = 2
"""Supersampling factor: the figure is drawn larger and then shrunk, because Pillow does not antialias lines."""

MAX_PIXELS = 40_000_000
_STEPS = 24
_DASH, _SPACE = 3.0, 2.5


class TooLarge(Exception):
    """The figure has too many pixels for a PNG."""


def to_png(figure: Figure, theme: ThemeName = "light") -> bytes:
    """Render a figure at ``DENSITY`` pixels per CSS pixel, or at one if it is very large.

    The theme ``auto`` is light here.

    Raises
    ------
    TooLarge
        Even at one pixel per CSS pixel, the image would have more than ``MAX_PIXELS``.
    """
    density = DENSITY
    while density > 1 and figure.width * figure.height * density**2 > MAX_PIXELS:
        density -= 1
    if figure.width * figure.height * density**2 > MAX_PIXELS:
        raise TooLarge(
            f"the figure of {figure.width:.0f} x {figure.height:.0f} pixels is too large for a PNG; an SVG can hold it"
        )
    colours = DARK if theme == "dark" else LIGHT
    size = math.ceil(figure.width * density), math.ceil(figure.height * density)
    canvas = Image.new("RGB", (size[0] * _FINER, size[1] * _FINER), colours["paper"])
    pen = _Pen(ImageDraw.Draw(canvas), colours, density * _FINER)
    for mark in figure.flat():
        pen.draw(mark)
    return encoded(canvas.resize(size, Image.Resampling.BOX), dpi=(96 * density, 96 * density))


def encoded(picture: Image.Image, dpi: tuple[int, int] | None = None) -> bytes:
    """Encode an image as a PNG whose metadata names the program that made it."""
    metadata = PngInfo()
    for key, text in PNG_TEXT.items():
        metadata.add_text(key, text)
    out = io.BytesIO()
    picture.save(out, "PNG", pnginfo=metadata, **({"dpi": dpi} if dpi else {}))
    return out.getvalue()


class _Pen:
    """Draws marks on a canvas with ``scale`` pixels per unit of the marks' coordinates."""

    def __init__(self, canvas: ImageDraw.ImageDraw, colours: Mapping[str, str], scale: int) -> None:
        self._canvas = canvas
        self._colours = colours
        self._scale = scale

    def draw(self, mark: Polygon | Slab | Stroke | Words) -> None:
        """Draw one mark on top of the previous ones."""
        match mark:
            case Polygon():
                self._canvas.polygon(self._pixels(mark.points), fill=self._colours[mark.fill])
                if mark.stroke:
                    self._line((*mark.points, mark.points[0]), mark.stroke, 1.0)
            case Slab():
                corners = self._pixels(((mark.x, mark.y), (mark.x + mark.width, mark.y + mark.height)))
                self._canvas.rounded_rectangle(
                    corners,
                    radius=mark.radius * self._scale,
                    fill=self._colours[mark.fill],
                    outline=self._colours[mark.stroke] if mark.stroke else None,
                    width=self._scale,
                )
            case Stroke():
                points = tuple(_flattened(mark.points)) if mark.curved else mark.points
                for piece in _dashes(points) if mark.dashed else (points,):
                    self._line(piece, mark.role, mark.width)
            case Words():
                self._words(mark)

    def _words(self, words: Words) -> None:
        # Pillow has no built-in bold font: a thin outline in the text's own colour imitates one.
        self._canvas.text(
            (words.x * self._scale, words.y * self._scale),
            words.text,
            fill=self._colours[words.role],
            font=_font(words.size * self._scale),
            anchor={"start": "ls", "middle": "ms", "end": "rs"}[words.anchor],
            stroke_width=max(1, round(0.022 * words.size * self._scale)) if words.bold else 0,
        )

    def _line(self, points: Sequence[Point], role: str, width: float) -> None:
        self._canvas.line(
            self._pixels(points), fill=self._colours[role], width=max(1, round(width * self._scale)), joint="curve"
        )

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        # Pillow drops fractions: a flat curve, whose points are a rounding error off the line, would jump by a pixel.
        return [(round(x * self._scale, 6), round(y * self._scale, 6)) for x, y in points]


@cache
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _flattened(points: Sequence[Point]) -> Iterator[Point]:
    """Approximate a chain of cubic Bézier curves by points on it."""
    yield points[0]
    for n in range(0, len(points) - 3, 3):
        p, q, r, s = points[n : n + 4]
        for step in range(1, _STEPS + 1):
            t = step / _STEPS
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
            yield a * p[0] + b * q[0] + c * r[0] + d * s[0], a * p[1] + b * q[1] + c * r[1] + d * s[1]


def _dashes(points: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    """Yield the dashes of a polyline; each of its segments starts with a dash."""
    for (x, y), (u, v) in pairwise(points):
        length = math.hypot(u - x, v - y)
        begin = 0.0
        while begin < length:
            a, b = begin / length, min(begin + _DASH, length) / length
            yield (x + a * (u - x), y + a * (v - y)), (x + b * (u - x), y + b * (v - y))
            begin += _DASH + _SPACE
