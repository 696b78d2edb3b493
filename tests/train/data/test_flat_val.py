"""ILSVRC's layout: all validation images in one folder, and a file with their classes."""

from __future__ import annotations

from pathlib import Path

import pytest
from image_files import image_folder, one_colour

from netspec.train.data.sources.flat_val import flat_labels
from netspec.train.data.sources.folder import open_folder
from netspec.train.data.sources.listing import list_folder
from netspec.train.data.splits import Frame
from netspec.train.errors import TrainError

CLASSES = ("n01440764", "n01443537", "n01484850")
IMAGES = ("val_1.JPEG", "val_2.JPEG", "val_3.JPEG")


def read_labels(tmp_path: Path, text: str) -> list[int]:
    path = tmp_path / "labels.txt"
    path.write_text(text, "utf-8")
    return flat_labels(path, IMAGES, CLASSES)


def error_lines(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(TrainError) as caught:
        read_labels(tmp_path, text)
    return (caught.value.message.replace(str(tmp_path), "DIR"), *caught.value.notes)


@pytest.fixture
def ilsvrc(tmp_path: Path) -> Path:
    image_folder(tmp_path / "train", dict.fromkeys(CLASSES, 2), size=(8, 8))
    (tmp_path / "val").mkdir()
    for name in IMAGES:
        one_colour((1, 2, 3)).save(tmp_path / "val" / name, "jpeg")
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "n01484850\nn01440764\nn01443537\n",
        "\ufeff2\n0\n1\n\n",
        "val_3.JPEG n01443537\nval_1.JPEG n01484850\nval_2.JPEG n01440764",
        "val/val_1.JPEG 2\nval/val_2.JPEG 0\nval/val_3.JPEG 1",
    ],
    ids=["class names", "class numbers", "files and class names", "files and class numbers"],
)
def test_all_forms_of_labels_files_are_read(tmp_path: Path, text: str) -> None:
    assert read_labels(tmp_path, text) == [2, 0, 1]


def test_class_names_take_precedence_over_numbers(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("1\n2\n3")
    assert flat_labels(tmp_path / "labels.txt", IMAGES, ("1", "10", "2", "3")) == [0, 2, 3]


def test_class_numbers_from_1_are_rejected(tmp_path: Path) -> None:
    """The development kit numbers the classes from 1, in another order, so its numbers would be wrong classes."""
    message, *notes = error_lines(tmp_path, "1\n3\n2")
    assert message == "DIR/labels.txt: the class numbers run from 1 to 3"
    assert "development kit's" in notes[0] and "WNIDs" in notes[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0\n1", "DIR/labels.txt has 2 lines for 3 validation images"),
        ("0\n1\n2\n0", "DIR/labels.txt has 4 lines for 3 validation images"),
        ("", "DIR/labels.txt has 0 lines for 3 validation images"),
        ("0\n\n1\n2", "DIR/labels.txt:2: the line is empty"),
        ("0\n1\n7", "DIR/labels.txt:3: class number 7 is out of range: the 3 classes are numbered 0 to 2"),
        ("0\n1\n-1", "DIR/labels.txt:3: there is no class '-1'"),
        ("0\n1\n" + 30 * "9", f"DIR/labels.txt:3: class number {30 * '9'} is out of range"),
        ("n01440764\nn01440764\nn9", "DIR/labels.txt:3: there is no class 'n9'"),
        ("val_1.JPEG 0\nval_2.JPEG 1", "DIR/labels.txt says no class for 1 validation image, the first val_3.JPEG"),
        (
            "val_1.JPEG 0\nval_2.JPEG 1\nval/val_1.JPEG 2",
            "DIR/labels.txt:3: val/val_1.JPEG is of class '2' here, and of '0'",
        ),
        ("val_1.JPEG 0\n1\n2", "DIR/labels.txt:2: lines with and without a file name are mixed"),
    ],
)
def test_wrong_labels_file_is_reported_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    assert error_lines(tmp_path, text)[0].startswith(message)


def test_binary_labels_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TrainError, match="is not a text file"):
        flat_labels(tmp_path / "labels.txt", IMAGES, CLASSES)


@pytest.mark.parametrize("name", ["val_labels.txt", "val/val.txt"])
def test_labels_file_with_a_usual_name_is_found(ilsvrc: Path, name: str) -> None:
    (ilsvrc / name).write_text("2\n0\n1\n")
    data = open_folder(ilsvrc, Frame(3, 8, 8))
    assert data.validation is not None
    assert data.validation.labels.tolist() == [2, 0, 1]
    assert data.validation.read(0).shape == (3, 8, 8)
    assert data.notes == (f"the classes of the 3 validation images are those of {ilsvrc / name}",)


def test_labels_file_can_be_named(ilsvrc: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.txt").write_text("0\n0\n1\n")
    listing = list_folder(ilsvrc, tmp_path / "elsewhere.txt")
    assert listing.validation is not None and listing.validation.labels.tolist() == [0, 0, 1]
    assert listing.validation.path(0) == f"val/{listing.validation.names[0]}"


def test_missing_labels_file_is_an_error(ilsvrc: Path) -> None:
    (ilsvrc / "ILSVRC2012_validation_ground_truth.txt").write_text("1\n2\n3\n")  # not used unless it is named
    with pytest.raises(TrainError, match="val holds 3 images without class folders, and no file says their classes"):
        list_folder(ilsvrc)


def test_class_folders_need_no_labels_file(tmp_path: Path) -> None:
    image_folder(tmp_path / "train", {"cat": 1}, size=(8, 8))
    image_folder(tmp_path / "val", {"cat": 1}, size=(8, 8))
    one_colour((1, 2, 3)).save(tmp_path / "val" / "loose.png")
    assert list_folder(tmp_path).ignored == ("loose.png",)
    with pytest.raises(TrainError, match="--val-labels is for images without them"):
        list_folder(tmp_path, tmp_path / "labels.txt")
