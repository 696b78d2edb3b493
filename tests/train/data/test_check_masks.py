"""``netspec check-data`` of images with masks: the report, and what is wrong with masks."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from checked_data import check, check_json
from mask_files import mask_folder, mask_png, two_squares
from PIL import Image

from netspec.train import speed
from netspec.train.data.packing import packing
from netspec.train.data.sources.masks.listing import list_masks


@pytest.fixture(autouse=True)
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(speed, "SECONDS", 0.05)
    return mask_folder(Path("scenes"), {"train": 3, "val": 2})


def test_text_report_of_good_data() -> None:
    """Of 3 x 1,200 pixels each mask has 2 x 44 on edges, fewer where one square covers the other."""
    pixels = sum(np.bincount(two_squares(seed)[1].ravel(), minlength=256) for seed in range(3))
    assert isinstance(pixels, np.ndarray)
    share = [f"{100 * pixels[k] / pixels[:255].sum():.1f} %" for k in range(3)]
    done = check("scenes")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "scenes: 3 classes"
    assert lines[1] == (
        f"train: 3 images = 3 readable + 0 unreadable; {100 * pixels[255] / 3600:.1f} % of their pixels unlabelled"
    )
    assert lines[3] == "               train  of pixels        val  of pixels"
    for k in range(3):
        assert lines[4 + k].startswith(f"  class {k}          3  {share[k]:>9}          2  ")
    assert lines[7:9] == ["files: 40, 40, 40 wide; 30, 30, 30 high (least, median, most)", "stored as 3x256x256"]
    assert lines[-1] == "nothing is wrong with these data"


def test_json_report_of_good_data() -> None:
    (Path("scenes") / "classes.txt").write_text("ground\nred\ngreen\n")
    result = check_json("scenes")
    masks = [two_squares(seed)[1] for seed in range(3)]
    assert result["classes"] == [{"name": name, "train": 3, "val": 2} for name in ("ground", "red", "green")]
    assert result["pixels"]["train"] == [int(np.sum(np.stack(masks) == k)) for k in range(3)]
    assert result["unlabelled_pixels"]["train"] == int(np.sum(np.stack(masks) == 255))
    weights = result["balanced_weights"]
    assert [
        weight * pixels for weight, pixels in zip(weights, result["pixels"]["train"], strict=True)
    ] == pytest.approx([sum(result["pixels"]["train"]) / 3] * 3, rel=1e-5)
    assert result["beyond"] == result["errors"] == result["warnings"] == result["duplicates"] == []


def test_the_report_of_a_pack_counts_stored_pixels() -> None:
    packing.pack(list_masks(Path("scenes")), Path("packed"), 16, processes=1)
    result = check_json("packed")
    assert sum(result["pixels"]["train"]) + result["unlabelled_pixels"]["train"] == 3 * 16 * 16
    assert result["stored"] == [3, 16, 16]


def test_masks_that_cannot_be_used_are_errors_with_their_names() -> None:
    Image.new("RGB", (40, 30)).save("scenes/train/masks/0.png")
    mask_png(Path("scenes/train/masks/1.png"), np.zeros((30, 30), np.uint8))
    Path("scenes/val/masks/1.png").write_bytes(b"")
    result = check_json("scenes")
    paths = ["scenes/train/masks/0.png", "scenes/train/masks/1.png", "scenes/val/masks/1.png"]
    assert [problem["path"] for problem in result["unreadable"]] == paths
    assert result["unreadable"][1]["reason"] == "the mask is 30 x 30 pixels, its image 40 x 30"
    assert result["errors"] == ["3 images or their masks cannot be read"]
    assert "unreadable: scenes/val/masks/1.png: the file is empty" in check("scenes").stdout


def test_classes_beyond_the_named_ones_are_errors() -> None:
    Path("scenes/classes.txt").write_text("ground\nred\n")
    result = check_json("scenes")
    assert result["beyond"][0] == {"path": "scenes/train/masks/0.png", "class": 2} and len(result["beyond"]) == 5
    assert result["errors"] == [
        "5 masks with a class beyond the 2 classes that there are: scenes/train/masks/0.png (class 2), "
        "scenes/train/masks/1.png (class 2), scenes/train/masks/2.png (class 2), scenes/val/masks/0.png (class 2), "
        "scenes/val/masks/1.png (class 2)"
    ]


def test_classes_that_are_counted_from_1_are_explained() -> None:
    Path("scenes/classes.txt").write_text("ground\nred\ngreen\n")
    for path in Path("scenes").glob("*/masks/*.png"):
        mask = np.array(Image.open(path))
        mask_png(path, np.where(mask == 255, 255, mask + 1).astype(np.uint8))
    (error,) = check_json("scenes")["errors"]
    assert error.startswith("5 masks with a class beyond the 3 classes that there are: ")
    assert error.endswith("(class 3); no pixel has class 0: if classes are counted from 1, subtract 1")


def test_a_class_in_no_mask_is_a_warning() -> None:
    Path("scenes/classes.txt").write_text("ground\nred\ngreen\nblue\n")
    assert check_json("scenes")["warnings"] == ["1 class in no readable training mask: blue"]


def test_masks_in_black_and_white_are_an_error() -> None:
    for number in range(3):
        mask_png(Path(f"scenes/train/masks/{number}.png"), np.tile(np.array([0, 255], np.uint8), (30, 20)), "L")
    (error,) = check_json("scenes")["errors"]
    assert error == (
        "the training masks have the numbers 0 and 255 only, and 255 is unlabelled; if 255 is meant as a class "
        "of its own, classes.txt says so in two lines: background 0 0 0, and object 255 255 255"
    )


def test_masks_without_a_labelled_pixel_are_an_error() -> None:
    for number in range(3):
        mask_png(Path(f"scenes/train/masks/{number}.png"), np.full((30, 40), 255, np.uint8))
    assert check_json("scenes")["errors"] == ["none of the pixels of the training masks is labelled"]


def test_validation_masks_without_a_labelled_pixel_are_a_warning() -> None:
    for mask in Path("scenes/val/masks").glob("*.png"):
        mask_png(mask, np.full(np.asarray(Image.open(mask)).shape, 255, np.uint8))
    result = check_json("scenes")
    assert (
        result["warnings"] == ["none of the pixels of the validation masks is labelled, so nothing can be validated"]
        and not result["errors"]
    )


def test_the_same_image_twice_is_a_warning() -> None:
    for folder in ("images", "masks"):
        shutil.copy(f"scenes/train/{folder}/0.png", f"scenes/train/{folder}/7.png")
        shutil.copy(f"scenes/train/{folder}/1.png", f"scenes/val/{folder}/7.png")
    result = check_json("scenes")
    assert result["warnings"] == ["1 image in training and validation", "1 image twice"]
    assert result["duplicates"][0]["classes"] == []


def test_a_folder_that_cannot_be_listed_is_an_error() -> None:
    Path("scenes/train/masks").rename("scenes/train/mask")
    done = check("scenes")
    assert done.exit_code == 1
    assert "scenes/train has a folder images, and no folder masks" in done.stderr
    assert "is scenes/train/mask meant? its name has to be masks" in done.stderr
