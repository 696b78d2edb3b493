"""The pictures of ``netspec eval``: the sheet of mistakes, the confusion matrix, and the fonts that both need."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager, rcParams
from matplotlib.figure import Figure
from tiny_network import png_pixels

from netspec.train.data.splits import Labels, Pixels, Unreadable
from netspec.train.drawing.confusion import confusion_list, confusion_png
from netspec.train.drawing.lettering import as_png, fonts_for, short
from netspec.train.drawing.mistakes import mistakes_png
from netspec.train.evaluation.mistakes import Mistakes
from netspec.train.evaluation.outcome import Outcome


class Shades:
    """A split of grey images of 1x4x4: image k is k everywhere. Image 1 has become unreadable."""

    labels: Labels = np.arange(17) % 2

    def name(self, index: int) -> str:
        return f"shade {index}"

    def read(self, index: int) -> Pixels:
        if index == 1:
            raise Unreadable("shade 1", "gone")
        return np.full((1, 4, 4), index, np.uint8)


def outcome(wrong: list[int], classes: tuple[str, str] = ("cat", "dog")) -> Outcome:
    """Return the outcome of a test in which these shades, whose brightest is 16, are taken for the other class."""
    mistakes = Mistakes([Shades()], peak=16)
    indices = np.array(wrong, np.int64)
    right = Shades.labels[indices]
    mistakes.add(0, indices, right, torch.from_numpy(np.eye(2)[1 - right]).log())
    confusion = np.diag([9, 8])
    np.add.at(confusion, (right, 1 - right), 1)
    return Outcome("shades", "all", classes, 17, 17, 0.1, confusion, np.array([9, 8]), (1,), (1,), mistakes)


@pytest.fixture
def dog_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Besides matplotlib's own fonts, only one is installed: a square for the character 犬."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 800), (800, 800), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", "dog"])
    builder.setupCharacterMap({ord("犬"): "dog"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "dog": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "dog": (1000, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Only Dogs", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "dogs.ttf")
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    own = [font for font in font_manager.fontManager.ttflist if "mpl-data" in font.fname]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    installed = [str(tmp_path / name) for name in ("broken.ttf", "dogs.ttf")]
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: installed)


@pytest.mark.usefixtures("dog_font")
def test_characters_are_drawn_with_an_installed_font_that_has_them() -> None:
    warnings: list[str] = []
    before = rcParams["font.family"]
    with fonts_for("dog 犬\n", warnings.append):
        assert rcParams["font.family"] == [*before, "Only Dogs"]
        figure = Figure(figsize=(1, 1))
        figure.text(0.2, 0.2, "犬", fontsize=40)
    assert (rcParams["font.family"], warnings) == (before, [])
    pixels = png_pixels(as_png(figure))[..., 0]
    rows, columns = np.nonzero(pixels == 0)
    square = pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert square.min() == square.max() == 0 and min(square.shape) > 60  # 0.8 of 40 points at 150 dpi are 67 pixels


@pytest.mark.usefixtures("dog_font")
def test_characters_without_a_glyph_are_named_once() -> None:
    warnings: list[str] = []
    with fonts_for("犬猫 cat 猫鳥\u200d\n\t", warnings.append):
        png = confusion_png(outcome([4], ("犬", "猫鳥")))
    assert warnings == ["no installed font has 猫, 鳥: boxes are drawn instead"]
    assert png_pixels(png).shape[0] > 500


def test_confusions_are_listed_beside_their_matrix() -> None:
    assert confusion_list(outcome([])) == "no image is taken for another class"
    lines = confusion_list(outcome([4, 6, 3])).splitlines()
    assert lines[3:] == ["     2 of 11  cat as dog", "      1 of 9  dog as cat"]


def test_long_names_are_shortened_to_the_same_width() -> None:
    assert short("a" * 24) == "a" * 24 and short("a" * 25) == "a" * 23 + "…"
    assert short("犬" * 12) == "犬" * 12 and short("犬" * 13) == "犬" * 11 + "…"
    assert short("a\n$b\udcff") == r"a\n\$b\udcff"


def test_sheet_shows_the_stored_images_in_order() -> None:
    warnings: list[str] = []
    pixels = png_pixels(mistakes_png(outcome([16, 1, 4]), warnings.append))
    assert warnings == ["shade 1 is not drawn: gone"]
    middle = pixels[pixels.shape[0] // 2, :, 0]
    shades, counts = np.unique(middle, return_counts=True)
    drawn = shades[counts > 200]
    assert drawn.tolist() == [64, 255]  # 4 of 16 and 16 of 16
    assert np.flatnonzero(middle == 64).min() > len(middle) / 2


def test_sheet_without_images_has_only_a_title() -> None:
    pixels = png_pixels(mistakes_png(outcome([]), pytest.fail))
    assert pixels.shape[0] < 400 and (pixels[..., 0] < 128).any()
