"""Folders with a folder for each class: layouts, splits and mistakes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from image_files import image_folder, one_colour

from netspec.train.data.batches.loader import Loader
from netspec.train.data.sources.folder import open_folder
from netspec.train.data.sources.listing import held_out
from netspec.train.data.splits import Frame, Unreadable
from netspec.train.errors import TrainError

RGB = Frame(3, 8, 8)


def test_train_and_val_folders_are_the_splits(tmp_path: Path) -> None:
    image_folder(tmp_path / "train", {"cat": 3, "dog": 2})
    image_folder(tmp_path / "val", {"dog": 1})
    data = open_folder(tmp_path, RGB)
    assert data.classes == ("cat", "dog")
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1]
    assert data.validation is not None
    assert data.validation.labels.tolist() == [1]
    red, green, _ = data.validation.read(0)
    assert red.mean() > green.mean()  # dogs are red in val and green in train
    assert [data.train.name(3), data.validation.name(0)] == ["train/dog/0.jpg", "val/dog/0.jpg"]
    assert data.notes == ("1 class without a validation image: cat",)


def test_without_val_a_tenth_is_held_out_by_hash(tmp_path: Path) -> None:
    image_folder(tmp_path, {"cat": 100, "dog": 100}, size=(2, 2))
    data = open_folder(tmp_path, RGB)
    assert data.validation is not None
    expected = sum(held_out(f"{name}/{number}.jpg") for name in ("cat", "dog") for number in range(100))
    assert len(data.validation.labels) == expected
    assert len(data.train.labels) == 200 - expected
    assert all(held_out(data.validation.name(index)) for index in range(expected))
    assert (tmp_path / data.train.name(0)).is_file()
    assert 10 <= expected <= 32  # 20 of 200 are expected, with a standard deviation of 4.2
    assert f"{expected} of 200 images" in data.notes[0]


def test_hash_split_does_not_depend_on_layout_or_other_files(tmp_path: Path) -> None:
    image_folder(tmp_path / "a", {"cat": 60}, size=(2, 2))
    image_folder(tmp_path / "b" / "train", {"cat": 50, "dog": 3}, size=(2, 2))
    a, b = open_folder(tmp_path / "a", RGB), open_folder(tmp_path / "b", RGB)
    assert a.validation is not None
    assert b.validation is not None
    expected_in_b = {number for number in range(50) if held_out(f"cat/{number}.jpg")}
    expected_in_a = {number for number in range(60) if held_out(f"cat/{number}.jpg")}
    assert len(a.validation.labels) == len(expected_in_a)
    assert b.validation.labels.tolist().count(0) == len(expected_in_b)


def test_circular_links_are_unreadable_images_and_not_classes(tmp_path: Path) -> None:
    image_folder(tmp_path / "train", {"cat": 2})
    (tmp_path / "train" / "cat" / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "train" / "self").symlink_to("self")
    (tmp_path / "train" / "cat" / "up").symlink_to("..")
    data = open_folder(tmp_path, RGB)
    assert (data.classes, len(data.train.labels)) == (("cat",), 3)
    with pytest.raises(Unreadable) as broken:
        data.train.read(2)
    assert broken.value.reason == os.strerror(errno.ELOOP)


def test_files_that_are_not_images_are_ignored_with_a_note(tmp_path: Path) -> None:
    image_folder(tmp_path / "train", {"cat": 2})
    image_folder(tmp_path / "val", {"cat": 1})
    (tmp_path / "train" / ".cache").mkdir()
    (tmp_path / "train" / "__MACOSX").mkdir()
    (tmp_path / "train" / "cat" / "notes.txt").write_text("x")
    (tmp_path / "train" / "cat" / ".hidden.jpg").write_text("x")
    (tmp_path / "train" / "cat" / "folder.jpg").mkdir()
    one_colour(1, mode="L").save(tmp_path / "train" / "cat" / "UPPER.JPEG")
    data = open_folder(tmp_path, RGB)
    assert data.classes == ("cat",)
    assert len(data.train.labels) == 3
    assert data.notes == (
        "2 entries are neither JPEG nor PNG and ignored, the first cat/folder.jpg/",
        "1 folder inside class folders is not looked into, the first cat/folder.jpg/",
    )


def test_ignored_images_are_noted(tmp_path: Path) -> None:
    """Images of other formats and those outside class folders, which users may expect to be training data."""
    image_folder(tmp_path / "train", {"cat": 2})
    for name in ("cat/a.webp", "cat/b.WEBP", "cat/c.heic", "1.jpg", "2.png", "notes.txt"):
        (tmp_path / "train" / name).write_text("x")
    assert open_folder(tmp_path, RGB).notes[1:] == (
        "2 images beside the class folders are of no class and ignored, the first 1.jpg",
        "3 entries are neither JPEG nor PNG and ignored, the first cat/a.webp",
        "3 images of other formats (.heic, .webp): only JPEG and PNG are read",
    )
    for image in (tmp_path / "train" / "cat").glob("*.jpg"):
        image.unlink()
    with pytest.raises(TrainError, match="no JPEG or PNG image in any") as caught:
        open_folder(tmp_path, RGB)
    assert caught.value.notes[0] == "3 images of other formats (.heic, .webp): only JPEG and PNG are read"


def test_few_images_may_leave_none_for_validation(tmp_path: Path) -> None:
    image_folder(tmp_path, {"cat": 1})
    assert not held_out("cat/0.jpg")
    data = open_folder(tmp_path, RGB)
    assert data.validation is None
    assert "are not measured" in data.notes[0]


def test_split_without_training_images_is_an_error(tmp_path: Path) -> None:
    image_folder(tmp_path, {"cat": 1, "dog": 1})
    for name in ("cat", "dog"):
        held = next(number for number in range(1000) if held_out(f"{name}/{number}.jpg"))
        (tmp_path / name / "0.jpg").rename(tmp_path / name / f"{held}.jpg")
    with pytest.raises(TrainError, match=r"no image of .* is left to train on: all 2 are in the tenth") as caught:
        open_folder(tmp_path, RGB)
    assert caught.value.notes == ("add more images, or divide them into DIR/train/CLASS/* and DIR/val/CLASS/*",)


def test_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="holds no folders"):
        open_folder(tmp_path, RGB)


def test_only_images_outside_class_folders_is_an_error(tmp_path: Path) -> None:
    one_colour((1, 2, 3)).save(tmp_path / "a.png")
    with pytest.raises(TrainError, match="holds 1 image without a class folder"):
        open_folder(tmp_path, RGB)


def test_class_folder_without_images_is_an_error(tmp_path: Path) -> None:
    image_folder(tmp_path, {"cat": 2, "dog": 0})
    with pytest.raises(TrainError, match=r"1 class folder of .* without a JPEG or PNG image: dog"):
        open_folder(tmp_path, RGB)


def test_first_of_many_class_folders_without_images_are_named(tmp_path: Path) -> None:
    image_folder(tmp_path, {"z": 2} | dict.fromkeys("abcdefg", 0))
    with pytest.raises(TrainError, match=r"7 class folders of .* image: a, b, c, d, e and 2 more"):
        open_folder(tmp_path, RGB)


def test_only_empty_class_folders_is_an_error(tmp_path: Path) -> None:
    image_folder(tmp_path, {"cat": 0, "dog": 0})
    with pytest.raises(TrainError, match="has 2 folders, and no JPEG or PNG image in any"):
        open_folder(tmp_path, RGB)


def test_class_that_is_only_in_val_is_an_error(tmp_path: Path) -> None:
    image_folder(tmp_path / "train", {"cat": 2})
    image_folder(tmp_path / "val", {"cat": 2, "horse": 1})
    with pytest.raises(TrainError, match=r"classes that .* has not: horse"):
        open_folder(tmp_path, RGB)


def test_network_with_4_channels_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="1 or 3 channels, the network reads 4"):
        open_folder(image_folder(tmp_path, {"cat": 1}), Frame(4, 8, 8))


def test_files_changed_after_listing_are_read_or_counted(tmp_path: Path) -> None:
    """A deleted file counts as unreadable, a replaced one is read with its new content, a new one is ignored."""
    image_folder(tmp_path / "train", {"cat": 4, "dog": 4})
    image_folder(tmp_path / "val", {"cat": 1})
    data = open_folder(tmp_path, RGB)
    (tmp_path / "train" / "cat" / "0.jpg").unlink()
    (tmp_path / "train" / "cat" / "1.jpg").write_bytes(b"half a ")
    one_colour((0, 0, 255)).save(tmp_path / "train" / "cat" / "2.jpg", quality=100)
    one_colour((0, 0, 255)).save(tmp_path / "train" / "cat" / "new.jpg")
    for path in (tmp_path / "train" / "dog").iterdir():
        path.unlink()
    (tmp_path / "train" / "dog").rmdir()
    unreadable: list[Unreadable] = []
    with Loader(2, unreadable.append) as loader:
        run = loader.run(data.train, np.arange(8), 2, keep_partial=True)
        (batch,) = list(run)
    assert batch.indices.tolist() == [2, 3]
    assert batch.pixels[0, :, 4, 4].tolist() == pytest.approx([0, 0, 255], abs=3)
    assert run.finish().as_dict() == {"drawn": 8, "used": 2, "skipped": 6, "dropped": 0, "unreached": 0}
    assert [(Path(problem.path).name, problem.reason) for problem in unreadable[:2]] == [
        ("0.jpg", "the file is no longer there"), ("1.jpg", "its content is neither JPEG nor PNG"),
    ]  # fmt: skip
