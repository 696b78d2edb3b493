"""``netspec check-data``: what it finds, what it reports as an error, and both output formats."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from checked_data import check, check_json
from image_files import image_folder, one_colour

from netspec.train import speed
from netspec.train.data.packing import packing
from netspec.train.data.packing.report import Speeds, as_text, bottleneck, judge
from netspec.train.data.packing.survey import Copies, SplitCounts, Survey
from netspec.train.data.sources.listing import list_folder
from netspec.train.data.splits import Frame
from netspec.train.speed import Speed

SPEC = "net tiny\n[image] input 3x8x8\n[fc] fc outputs={classes}\n[prob] softmax\ntrain batch=4\n"


@pytest.fixture(autouse=True)
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with 8 cats and 6 dogs for training and 2 of each for validation, in three sizes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(speed, "SECONDS", 0.05)
    image_folder(Path("photos/train"), {"cat": 8, "dog": 6})
    for name in ("cat", "dog"):
        Path("photos/val", name).mkdir(parents=True)
        for place in range(2):
            one_colour((place, len(name) + ord(name[0]), 9), (100, 20 + place)).save(f"photos/val/{name}/{place}.png")
    Path("tiny.net").write_text(SPEC.format(classes=2))
    return Path("photos")


def test_single_class_is_a_warning() -> None:
    """Most likely the user named the folder of one class instead of its parent."""
    image_folder(Path("photos/train/cat"), {"small": 2})
    assert "small is the only class, and there is nothing to tell it from" in check_json("photos/train/cat")["warnings"]
    assert check_json("photos")["warnings"] == []


def test_text_report_of_good_data() -> None:
    done = check("photos", "--net", "tiny.net")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[:8] == [
        "photos: 2 classes",
        "train: 14 images = 14 readable + 0 unreadable; 6 to 8 of a class",
        "val: 4 images = 4 readable + 0 unreadable; 2 of a class",
        "           train        val",
        "  cat          8          2",
        "  dog          6          2",
        "files: 40, 40, 100 wide; 20, 30, 30 high (least, median, most)",
        "stored as 3x8x8",
    ]
    assert lines[8].startswith("reading: ") and lines[8].endswith(" images/s with 1 thread")
    assert lines[9].startswith("training: ") and " images/s on " in lines[9]
    assert "the bottleneck" in lines[10]
    assert lines[11:] == ["nothing is wrong with these data"]


def test_json_report_of_good_data() -> None:
    result = check_json("photos", "--net", "tiny.net")
    assert result["classes"] == [{"name": "cat", "train": 8, "val": 2}, {"name": "dog", "train": 6, "val": 2}]
    assert result["splits"]["train"] == {"images": 14, "readable": 14, "unreadable": 0}
    assert result["file_sizes"]["height"] == {"min": 20, "median": 30, "max": 30}
    assert result["balanced_weights"] == [0.875, 1.16667]  # 14 / (2 * 8) and 14 / (2 * 6)
    assert result["stored"] == [3, 8, 8]
    assert result["loader_images_per_s"] > 0 and result["model_images_per_s"] > 0
    assert result["bottleneck"] in ("reading", "model")
    assert result["errors"] == result["warnings"] == result["unreadable"] == result["duplicates"] == []


def test_unreadable_files_are_errors() -> None:
    Path("photos/train/cat/3.jpg").write_bytes(b"")
    Path("photos/val/dog/1.png").write_bytes(b"hello")
    result = check_json("photos")
    assert result["unreadable"] == [
        {"path": "photos/train/cat/3.jpg", "reason": "the file is empty"},
        {"path": "photos/val/dog/1.png", "reason": "its content is neither JPEG nor PNG"},
    ]
    assert result["errors"] == ["2 images cannot be read"]
    assert result["splits"]["val"] == {"images": 4, "readable": 3, "unreadable": 1}
    assert "unreadable: photos/train/cat/3.jpg: the file is empty" in check("photos").stdout


def test_class_without_readable_images_is_an_error() -> None:
    for path in Path("photos/train/dog").iterdir():
        path.write_bytes(b"")
    assert check_json("photos")["errors"] == [
        "6 images cannot be read",
        "1 class without a readable training image: dog",
    ]


@pytest.mark.parametrize("net", [(), ("--net", "tiny.net")])
def test_class_folder_without_images_is_one_of_the_errors(net: tuple[str, ...]) -> None:
    for path in Path("photos/train/dog").iterdir():
        path.unlink()
    Path("photos/train/cat/3.jpg").write_bytes(b"")
    result = check_json("photos", *net)
    assert result["classes"] == [{"name": "cat", "train": 7, "val": 2}, {"name": "dog", "train": 0, "val": 2}]
    assert result["errors"] == ["1 image cannot be read", "1 class without a readable training image: dog"]
    assert result["notes"] == [
        "1 class folder of photos/train without a JPEG or PNG image: dog; put images in, or remove the folder: every "
        "folder counts as a class"
    ]


def test_duplicates_are_warnings_and_errors_with_strict() -> None:
    train = Path("photos/train")
    shutil.copy(train / "cat/0.jpg", train / "cat/again.jpg")
    shutil.copy(train / "cat/1.jpg", train / "dog/cat.jpg")
    shutil.copy(train / "dog/2.jpg", "photos/val/dog/seen.jpg")
    result = check_json("photos")
    assert sorted(tuple(one["paths"]) for one in result["duplicates"]) == [
        ("photos/train/cat/0.jpg", "photos/train/cat/again.jpg"),
        ("photos/train/cat/1.jpg", "photos/train/dog/cat.jpg"),
        ("photos/train/dog/2.jpg", "photos/val/dog/seen.jpg"),
    ]
    assert result["errors"] == []
    assert result["warnings"] == [
        "1 image in training and validation", "1 image in two classes", "1 image twice in a class",
    ]  # fmt: skip
    assert check("photos").exit_code == 0
    assert check("photos", "--strict").exit_code == 1


def test_data_that_do_not_fit_the_network_are_an_error() -> None:
    Path("other.net").write_text(SPEC.format(classes=1000))
    result = check_json("photos", "--net", "other.net")
    assert result["errors"][0].startswith("photos has 2 classes, tiny has 1,000 outputs")
    assert result["model_images_per_s"] is None
    digits = check_json("digits", "--net", "tiny.net")
    assert digits["errors"][0].startswith("the images of digits are 1x8x8, the network reads 3x8x8")
    assert digits["splits"]["train"]["images"] == 1438


def test_duplicates_in_a_pack_are_found_by_their_pixels() -> None:
    shutil.copy("photos/train/cat/0.jpg", "photos/train/dog/cat.jpg")
    packing.pack(list_folder(Path("photos")), Path("pack"), 8, 1)
    result = check_json("pack", "--net", "tiny.net")
    assert [one["paths"] for one in result["duplicates"]] == [["train/cat/0.jpg", "train/dog/cat.jpg"]]
    assert result["warnings"] == ["1 image in two classes"]
    assert result["file_sizes"] == {"width": None, "height": None}


def test_synthetic_data_need_a_network() -> None:
    done = check("synthetic")
    assert done.exit_code == 2 and "--net FILE" in done.stderr
    assert check_json("synthetic", "--net", "tiny.net")["splits"]["train"]["images"] == 1024


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (("phots",), "did you mean photos?", 2),
        (("empty",), "empty holds no folders", 1),
        (("empty", "--net", "tiny.net"), "empty holds no folders", 1),
        (("photos", "--net", "nowhere.net"), "nowhere.net", 2),
    ],
)
def test_arguments_that_cannot_be_checked_are_rejected(arguments: tuple[str, ...], message: str, code: int) -> None:
    Path("empty").mkdir()
    done = check(*arguments)
    assert (done.exit_code, done.stdout) == (code, "") and message in done.stderr


def survey(classes: int = 2, copies: tuple[Copies, ...] = ()) -> Survey:
    names = tuple(f"class{number}" for number in range(classes))
    part = SplitCounts(classes * 10, 0, tuple(10 + number for number in range(classes)))
    return Survey("it", names, {"train": part}, Frame(3, 8, 8), None, None, (), copies, ())


def test_text_report_lists_only_the_smallest_of_many_classes() -> None:
    many = survey(1000)
    lines = as_text(many, judge(many, None), Speeds(None, None, "cpu", 1))
    assert len(lines) < 30 and "  class0          10" in lines and "  class19         29" in lines
    assert "  the 20 classes with the fewest training images, of 1,000" in lines


def test_columns_align_after_double_width_letters() -> None:
    japanese = replace(survey(2), classes=("\u304f\u308b\u307e", "cat"))
    lines = as_text(japanese, judge(japanese, None), Speeds(None, None, "cpu", 1))
    assert "  \u304f\u308b\u307e         10" in lines and "  cat            11" in lines


@pytest.mark.parametrize(
    ("loader", "slower", "line"),
    [
        (100.0, "reading", "reading is the bottleneck: the network would wait at least 75 % of the time (netspec pack "
         "makes reading faster)"),
        (1000.0, "model", "the network is the bottleneck: images are read 2.5 times as fast"),
    ],
)  # fmt: skip
def test_slower_of_loader_and_model_is_the_bottleneck(loader: float, slower: str, line: str) -> None:
    speeds = Speeds(Speed(loader, 32), Speed(400.0, 32), "cpu", 2)
    assert bottleneck(speeds) == slower
    assert line in as_text(survey(), judge(survey(), None), speeds)
