"""Masks that have a colour for each class, and the tables of colours in ``classes.txt``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from mask_files import cityscapes, mask_folder
from PIL import Image
from processes import invoke

from netspec.train.data.packing import packing
from netspec.train.data.sources.masks.classes import read_classes
from netspec.train.data.sources.masks.colours import Colour, Colours, UnknownColour
from netspec.train.data.sources.masks.folder import open_mask_folder
from netspec.train.data.sources.masks.listing import list_masks
from netspec.train.data.sources.masks.looking import require_masks
from netspec.train.data.sources.masks.reading import read_mask
from netspec.train.data.splits import Frame
from netspec.train.errors import TrainError
from netspec.train.runs.same_data import fingerprint

TABLE = """\
ground 0 0 0
red 128 0 0
green 0 128 0
unlabelled 224 224 192
"""
NUMBERS = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 255: (224, 224, 192)}
COLOURS = Colours(
    "classes.txt",
    {Colour(128, 64, 128): "road", Colour(0, 0, 192): "car", Colour(7, 7, 7): "unlabelled"},
    {Colour(128, 64, 128): 0, Colour(0, 0, 192): 1, Colour(7, 7, 7): 255},
)


def table(folder: Path, text: str) -> Path:
    (folder / "classes.txt").write_text(text)
    return folder


def coloured(root: Path) -> Path:
    """Give the masks of a folder the colours of ``TABLE``."""
    for path in root.glob("*/masks/*.png"):
        numbers = np.array(Image.open(path))
        colours = np.zeros((*numbers.shape, 3), np.uint8)
        for number, colour in NUMBERS.items():
            colours[numbers == number] = colour
        Image.fromarray(colours).save(path)
    return table(root, TABLE)


@pytest.mark.parametrize(
    "text",
    [
        "road 128 64 128\ncar 0 0 192\nunlabelled 0 0 0\ncar 64 0 64\n",
        "128 64 128\troad\n0 0 192\t\tcar\n0 0 0 unlabelled\n64 0 64 car\n\n",
        "road,128,64,128\ncar, 0, 0, 192\n unlabelled;0;0;0\ncar;64;0;64",
        "road #804080\n#0000C0,car\nunlabelled;#000000\n#400040\tcar\n",
    ],
    ids=["name first", "CamVid", "commas", "hexadecimal"],
)
def test_tables_of_other_tools_are_read(tmp_path: Path, text: str) -> None:
    """A class may have several colours, as the 11 classes that SegNet learns of CamVid's 32."""
    names, colours = read_classes(table(tmp_path, text))
    assert names == ("road", "car") and colours is not None
    assert colours.numbers == {(128, 64, 128): 0, (0, 0, 192): 1, (0, 0, 0): 255, (64, 0, 64): 1}


def test_names_may_have_spaces_and_numbers(tmp_path: Path) -> None:
    assert read_classes(table(tmp_path, "dining table 2 0 0 1\n")).names == ("dining table 2",)
    assert read_classes(table(tmp_path, "class 1\nclass 2\n")) == (("class 1", "class 2"), None)
    names = ("#1", "car #80408", "#804080", "a #804080 b", "#80408G x")  # none of these is a colour with a name
    assert read_classes(table(tmp_path, "\n".join(names))) == (names, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 0 0 0\nb\n", "classes.txt:2: 'b' has no colour, and line 1 has one"),
        ("name,r,g,b\na,0,0,0\n", "classes.txt:1: 'name,r,g,b' has no colour, and line 2 has one"),
        ("a 0 0 0\nb 0 0 256\n", "classes.txt:2: 0 0 256 is no colour: its numbers, red, green and blue, are 0 to 255"),
        ("a 0 0 0\nb 1 0 0\nc 0 0 0\n", "classes.txt:3: the colour 0 0 0 is already that of line 1"),
        ("road 128 64 128 #804080\n", "classes.txt:1: 'road 128 64 128 #804080' has two colours"),
        ("unlabelled 0 0 0\n", "classes.txt names no class but unlabelled"),
        ("".join(f"c{n} 0 0 {n}\n" for n in range(256)), "has 256 classes: a mask holds at most 255"),
    ],
)
def test_wrong_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TrainError) as caught:
        read_classes(table(tmp_path, text))
    assert message in caught.value.message


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_colour_says_the_class(tmp_path: Path, mode: str) -> None:
    pixels = np.array([[(0, 0, 192), (128, 64, 128)], [(7, 7, 7), (0, 0, 192)]], np.uint8)
    image = Image.fromarray(pixels)
    (image.quantize() if mode == "P" else image.convert(mode)).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", (2, 2), COLOURS), [[1, 0], [255, 1]])
    if mode == "RGBA":
        Image.fromarray(pixels).convert(mode).point(lambda x: min(x, 200)).save(tmp_path / "m.png")
        with pytest.raises(Exception, match="transparent parts beside the colours"):
            read_mask(tmp_path / "m.png", (2, 2), COLOURS)


def test_a_grey_mask_has_colours_too(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 2), 7, np.uint8)).save(tmp_path / "m.png")
    assert (read_mask(tmp_path / "m.png", (2, 2), COLOURS) == 255).all()


def test_an_unknown_colour_is_named_with_its_pixel_and_the_nearest_ones(tmp_path: Path) -> None:
    pixels = np.full((4, 5, 3), (128, 64, 128), np.uint8)
    pixels[2, 3:] = (127, 64, 128), (1, 2, 3)
    Image.fromarray(pixels).save(tmp_path / "m.png")
    with pytest.raises(UnknownColour) as caught:
        read_mask(tmp_path / "m.png", (4, 5), COLOURS)
    assert (caught.value.path, caught.value.reason) == (
        str(tmp_path / "m.png"),
        "the mask has the colour 127 64 128 in row 2, column 3 (from 0), and classes.txt does not; nearest there: "
        "road 128 64 128, car 0 0 192",
    )
    assert caught.value.notes == (
        "2 pixels of this mask have 2 such colours",
        "pixels without a class have a line there too: unlabelled 127 64 128",
    )
    Image.fromarray(np.full((4, 5), 1, np.uint8)).save(tmp_path / "m.png")
    with pytest.raises(UnknownColour) as caught:
        read_mask(tmp_path / "m.png", (4, 5), COLOURS)
    assert caught.value.notes[-1] == "if its pixels are the numbers of classes, take the colours out of classes.txt"
    mixed = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    with pytest.raises(UnknownColour) as caught:
        COLOURS.classes_of(mixed, "m.png")
    assert caught.value.notes[0] == (
        "20 pixels of this mask have 20 such colours; a mask that was resized, or a JPEG file once, has mixed colours"
    )


def test_masks_in_colours_are_those_in_numbers(tmp_path: Path) -> None:
    frame = Frame(3, 20, 20)
    numbers = open_mask_folder(mask_folder(tmp_path / "a", {"train": 3, "val": 1}), frame, 3)
    colours = open_mask_folder(coloured(mask_folder(tmp_path / "b", {"train": 3, "val": 1})), frame, 3)
    assert colours.classes == ("ground", "red", "green")
    for index in range(3):
        np.testing.assert_array_equal(colours.train.read(index), numbers.train.read(index))


def test_classes_0_and_255_of_colours_are_not_black_and_white(tmp_path: Path) -> None:
    root = table(mask_folder(tmp_path, {"train": 1, "val": 1}), TABLE)
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[:15] = NUMBERS[255]
    Image.fromarray(pixels).save(root / "train" / "masks" / "0.png")
    (note,) = require_masks(open_mask_folder(root, Frame(3, 20, 20), 3).train)
    assert "all have class 0 only" in note


def test_other_colours_are_other_data(tmp_path: Path) -> None:
    root = coloured(mask_folder(tmp_path, {"train": 2, "val": 1}))
    frame = Frame(3, 20, 20)
    before, packed = fingerprint(open_mask_folder(root, frame, 3)), packing.fingerprint_of(list_masks(root), frame)
    table(root, TABLE.replace("unlabelled", "green"))
    assert fingerprint(open_mask_folder(root, frame, 3))["train"] != before["train"]
    assert packing.fingerprint_of(list_masks(root), frame) != packed


def test_commands_name_the_first_unknown_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = coloured(mask_folder(Path("scenes"), {"train": 4, "val": 1}))
    table(root, TABLE.replace("red 128 0 0", "red 128 0 1"))
    Path("seg.net").write_text("[image] input 3x16x16\n[s] conv filters=3 kernel=1\ntrain batch=2 epochs=1\n")
    message = "and scenes/classes.txt does not; nearest there: red 128 0 1, ground 0 0 0"
    for command in (("train", "seg.net", "--data", "scenes"), ("pack", "scenes", "-o", "packed", "--size", "16")):
        done = invoke(*command)
        assert (done.exit_code, message in done.stderr) == (1, True), done.output
        assert "0.png: the mask has the colour 128 0 0 in row " in done.stderr
    done = invoke("check-data", "scenes", "--format", "json")
    assert (done.exit_code, len(json.loads(done.stdout)["unreadable"])) == (1, 5), done.output


def test_the_folder_of_cityscapes_is_read(tmp_path: Path) -> None:
    data = open_mask_folder(cityscapes(tmp_path), Frame(3, 16, 32), 19)
    assert (len(data.classes), data.classes[0], data.classes[18]) == (19, "road", "bicycle")
    assert data.validation is not None
    cities = [data.train.name(index) for index in range(3)]
    assert cities == [f"leftImg8bit/train/{name}_leftImg8bit.png" for name in ("a/a_0_0", "a/a_0_1", "b/b_0_1")]
    assert data.train.read(0)[-1, 3].tolist() == [2] * 8 + [18] * 8 + [255] * 8 + [0] * 8
    assert data.validation.name(0) == "leftImg8bit/val/c/c_0_0_leftImg8bit.png"


def test_cityscapes_without_masks_of_trained_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainError) as caught:
        list_masks(cityscapes(tmp_path, masks=False))
    assert caught.value.message.startswith("3 images of ") and "leftImg8bit/train/a/a_0_0" in caught.value.message
    assert "createTrainIdLabelImgs" in caught.value.notes[-1]
    shutil.rmtree(tmp_path / "gtFine")
    with pytest.raises(TrainError, match="has no folder gtFine"):
        list_masks(tmp_path)
    (tmp_path / "leftImg8bit" / "train").rename(tmp_path / "leftImg8bit" / "training")
    with pytest.raises(TrainError, match="has no folder leftImg8bit/train"):
        list_masks(tmp_path)
