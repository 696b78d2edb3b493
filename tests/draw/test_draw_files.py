"""Figures as SVG and PNG files."""

from __future__ import annotations

import io
import re
import time
from xml.etree import ElementTree

import pytest
from building import Builder
from drawings import FOUR, INCEPTION, SPECS, chain, figure_of_text, net_of, text_marks
from PIL import Image

import netspec
from netspec.draw import figure_of, to_svg
from netspec.draw import png as png_module
from netspec.draw.marks import Figure, Stroke
from netspec.draw.png import DENSITY, TooLarge, to_png
from netspec.draw.theme import DARK, LIGHT, ThemeName
from netspec.ir.ops import Conv, Relu
from netspec.ir.window import Window

SVG = "{http://www.w3.org/2000/svg}"
NASTY = """a<b>&"c'd]]>--> \x00\x1b\ufffe\U0001f600 \ud800"""


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_svg_is_valid_xml_with_all_texts(path: object) -> None:
    figure = figure_of(netspec.load(str(path)))
    root = ElementTree.fromstring(to_svg(figure))
    assert root.tag == f"{SVG}svg"
    assert [e.text for e in root.iter(f"{SVG}text")] == [w.text for w in text_marks(figure)]
    assert root.find(f"{SVG}title") is not None and root.find(f"{SVG}desc") is not None


def test_layer_names_are_escaped() -> None:
    build = Builder(NASTY)
    build.add(NASTY, Conv(4, Window((3, 3))), build.input(3, 8, 8))
    build.add(f"{NASTY}2", Relu(), NASTY)
    figure = figure_of(net_of(build.graph()))
    text = to_svg(figure)
    text.encode("utf-8")
    root = ElementTree.fromstring(text)
    assert not [e for e in root.iter() if e.tag.removeprefix(SVG) in ("a", "b", "script")]
    shown = "".join(e.text or "" for e in root.iter())
    assert """a<b>&"c'd]]>--> \ufffd\ufffd\ufffd\U0001f600 \ufffd""" in shown
    assert Image.open(io.BytesIO(to_png(figure))).width == DENSITY * figure.width


def test_layer_counts_are_in_svg_titles() -> None:
    text = to_svg(figure_of_text("[x] input 3x8x8\n[c] conv filters=4 kernel=3"))
    assert "<title>c: conv, 4x6x6, 108 weights, 4 biases, 3,888 connections</title>" in text


@pytest.mark.ci
def test_output_is_deterministic() -> None:
    first, second = (figure_of(netspec.loads(FOUR)) for _ in range(2))
    assert to_svg(first) == to_svg(second)
    assert to_png(first) == to_png(second)


@pytest.mark.parametrize(("theme", "paper"), [("light", LIGHT["paper"]), ("dark", DARK["paper"])])
def test_theme_sets_the_colours(theme: ThemeName, paper: str) -> None:
    text = to_svg(figure_of_text(INCEPTION), theme)
    assert f".paper{{fill:{paper}}}" in text
    assert "@media" not in text


def test_auto_theme_follows_the_viewers_colour_scheme() -> None:
    light, _, dark = to_svg(figure_of_text(INCEPTION)).partition("@media (prefers-color-scheme: dark)")
    assert f".paper{{fill:{LIGHT['paper']}}}" in light
    assert f".paper{{fill:{DARK['paper']}}}" in dark


def test_every_class_has_a_style() -> None:
    text = to_svg(figure_of_text(FOUR))
    style = text.partition("<style>")[2].partition("</style>")[0]
    used = {name for value in re.findall(r'class="([^"]+)"', text) for name in value.split()}
    assert used and all(f".{name}{{" in style for name in used)


@pytest.mark.many
@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_png_has_the_right_size_and_colours(theme: ThemeName) -> None:
    figure = figure_of_text(FOUR)
    image = Image.open(io.BytesIO(to_png(figure, theme)))
    assert image.size == (DENSITY * figure.width, DENSITY * figure.height)
    colours = {colour for _, colour in image.getcolors(image.width * image.height) or ()}
    expected = DARK if theme == "dark" else LIGHT
    for role in ("paper", "conv-front", "fc-front", "cross", "band"):
        assert tuple(bytes.fromhex(expected[role][1:])) in colours


def test_png_draws_marks_at_their_positions() -> None:
    figure = figure_of_text("[x] input 3x32x32\n[c] conv filters=8 kernel=3")
    image = Image.open(io.BytesIO(to_png(figure)))
    front = next(m for m in figure.flat() if getattr(m, "fill", "") == "conv-front")
    xs, ys = zip(*front.points, strict=True)
    centre = round(DENSITY * (min(xs) + max(xs)) / 2), round(DENSITY * (min(ys) + 2))
    assert image.getpixel(centre) == tuple(bytes.fromhex(LIGHT["conv-front"][1:]))


def test_too_large_png_is_scaled_down_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = figure_of_text("[x] input 3x8x8\n[c] conv filters=4 kernel=3")
    pixels = int(figure.width * figure.height)
    monkeypatch.setattr(png_module, "MAX_PIXELS", pixels + 1)
    assert Image.open(io.BytesIO(to_png(figure))).size == (figure.width, figure.height)
    monkeypatch.setattr(png_module, "MAX_PIXELS", pixels - 1)
    with pytest.raises(TooLarge, match="too large for a PNG"):
        to_png(figure)


@pytest.mark.ci  # takes seconds
def test_thousand_layers_take_seconds_and_megabytes() -> None:
    net = netspec.loads(chain(1000))
    start = time.process_time()
    text = to_svg(figure_of(net))
    assert time.process_time() - start < 20  # 1 s on one core
    assert len(text) < 5e6
    assert "<title>c999: " in text


def test_layer_with_hundreds_of_inputs_shows_some_and_a_count() -> None:
    heads = "".join(f"[h{i}] conv inputs=x filters=1 kernel=1\n" for i in range(300))
    figure = figure_of_text(f"[x] input 3x8x8\n{heads}[all] concat inputs={','.join(f'h{i}' for i in range(300))}")
    shown = [w.text for w in text_marks(figure)]
    assert "and 274 more" in shown  # 24 lines and 2 names
    assert len(to_svg(figure)) < 1e6


def test_flat_curve_is_as_straight_as_a_line() -> None:
    """The points of a flat Bézier curve are off by a rounding error, and Pillow drops fractions of a pixel."""
    for y in (39.3, 78.0, 78.1, 79.7):
        points = ((10.0, y), (30.0, y), (40.3, y), (61.7, y))
        strokes = Stroke(points, "cross", 1.4, curved=True), Stroke((points[0], points[3]), "cross", 1.4)
        curve, line = (to_png(Figure(80, 90, "", "", (stroke,))) for stroke in strokes)
        assert curve == line
