"""Folders of images with masks: their layouts, and what is wrong with a folder."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from mask_files import mask_folder, mask_png, two_squares
from PIL import Image

from netspec.train.data.sources.listing import held_out
from netspec.train.data.sources.masks import voc
from netspec.train.data.sources.masks.folder import open_mask_folder
from netspec.train.data.sources.masks.listing import LAYOUT, holds_masks, list_masks
from netspec.train.data.splits import Data, Frame
from netspec.train.errors import TrainError

FRAME = Frame(3, 15, 20)


def _opened(root: Path, outputs: int | None = 3) -> Data:
    return open_mask_folder(root, FRAME, outputs)


def test_train_and_val_with_images_and_masks(tmp_path: Path) -> None:
    data = _opened(mask_folder(tmp_path, {"train": 3, "val": 2}))
    assert data.masks and data.stored == Frame(4, 15, 20) and data.notes == ()
    assert data.classes == ("class 0", "class 1", "class 2")
    assert data.validation is not None
    assert [len(split.labels) for split in data.splits.values()] == [3, 2]
    assert data.validation.name(1) == "val/images/1.png"
    mask = data.validation.read(1)[-1]
    assert np.array_equal(mask, two_squares(101)[1][1::2, 1::2])  # centres of 2 x 2 pixels are in the last of the four


def test_a_folder_without_val_is_divided_by_a_hash_of_its_paths(tmp_path: Path) -> None:
    data = _opened(mask_folder(tmp_path, {".": 40}))
    held = [name for name in (f"images/{number}.png" for number in range(40)) if held_out(name)]
    assert data.validation is not None and len(held) == 5
    assert [data.validation.name(index) for index in range(5)] == sorted(held)
    assert len(data.train.labels) == 35 and held[0] not in map(data.train.name, range(35))
    assert data.notes == (
        "no val folder: 5 of 40 images (about a tenth, chosen by a hash of their paths) held out for validation",
    )


@pytest.mark.parametrize("name", ["validation", "Val", "valid"])
def test_another_name_of_the_val_folder_is_noticed(tmp_path: Path, name: str) -> None:
    data = _opened(mask_folder(tmp_path, {"train": 40, name: 2}))
    assert data.notes[0].startswith(f"no val folder (is {tmp_path / name} meant? its name has to be val): 5 of 40")


def test_a_file_names_the_classes(tmp_path: Path) -> None:
    root = mask_folder(tmp_path, {"train": 1, "val": 1})
    (root / "classes.txt").write_text("\ufeffsky\nred square\ngrass \n\n", "utf-8")
    assert _opened(root, None).classes == ("sky", "red square", "grass")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "classes.txt names no class"),
        ("sky\n\ngrass\n", "classes.txt:2: the line is empty, so class 1 has no name"),
        ("sky\ngrass\nsky\n", "classes.txt:3: 'sky' is already class 0"),
        ("".join(f"{n}\n" for n in range(256)), "a mask holds at most 255 classes, numbered 0 to 254"),
    ],
)
def test_wrong_names_of_classes_are_refused(tmp_path: Path, text: str, message: str) -> None:
    root = mask_folder(tmp_path, {"train": 1, "val": 1})
    (root / "classes.txt").write_text(text)
    with pytest.raises(TrainError, match=re.escape(message)):
        list_masks(root)


def _refused(root: Path) -> list[str]:
    with pytest.raises(TrainError) as caught:
        list_masks(root)
    return [caught.value.message, *caught.value.notes]


def test_an_image_without_a_mask_is_named(tmp_path: Path) -> None:
    root = mask_folder(tmp_path, {"train": 3, "val": 1})
    masks = root / "train" / "masks"
    (masks / "1.png").unlink()
    assert _refused(root) == [
        f"{root}/train/images/1.png has no mask, of 3 images in {root}/train/images",
        f"the mask of 1.png is {masks}/1.png, which is not there",
        "make it, or take the image out of the folder",
    ]
    (masks / "1_mask.png").write_bytes(b"")
    (masks / "0.png").unlink()
    (masks / "0.jpg").write_bytes(b"")
    assert _refused(root) == [
        f"2 images have no mask, of 3 images in {root}/train/images",
        f"the mask of 0.png is {masks}/0.png, which is not there",
        f"{masks}/0.jpg is no mask: save it as a PNG whose pixels are the numbers of classes (a palette image, or grey "
        "levels of 8 bits)",
    ]
    (masks / "0.jpg").rename(masks / "0.png")
    assert _refused(root)[2] == f"{masks}/1_mask.png is there: a mask has its image's name, 1.png"


def test_masks_without_an_image_and_other_files_are_ignored_with_a_note(tmp_path: Path) -> None:
    root = mask_folder(tmp_path, {"train": 2, "val": 1})
    mask_png(root / "train" / "masks" / "9.png", np.zeros((2, 2), np.uint8))
    (root / "train" / "masks" / "readme.txt").write_text("")
    (root / "train" / "images" / "photo.webp").write_text("")
    listing = list_masks(root)
    assert listing.train.names == ("images/0.png", "images/1.png")
    assert listing.notes == (
        f"1 mask of {root}/train without an image is ignored, the first masks/9.png",
        "2 entries are neither JPEG nor PNG and ignored, the first images/photo.webp",
        "1 image of other formats (.webp): only JPEG and PNG are read",
    )


def test_two_images_cannot_have_the_same_mask(tmp_path: Path) -> None:
    root = mask_folder(tmp_path, {".": 2})
    Image.new("RGB", (40, 30)).save(root / "images" / "0.jpg")
    assert _refused(root) == [
        f"{root}/images/0.jpg and {root}/images/0.png have the same mask, masks/0.png",
        "give one of them another name, and its mask the same",
    ]


def test_an_image_cannot_have_two_masks(tmp_path: Path) -> None:
    """Which of them was read depended on the order of the names."""
    root = mask_folder(tmp_path, {".": 2})
    mask_png(root / "masks" / "1.PNG", np.zeros((30, 40), np.uint8))
    if len(list((root / "masks").iterdir())) < 3:
        pytest.skip("file names that differ in their case are the same here")
    assert _refused(root) == [f"{root}/masks/1.PNG and {root}/masks/1.png are masks of one image", "keep one of them"]


@pytest.mark.parametrize(
    ("wrong", "missing"), [("image", "images"), ("imgs", "images"), ("labels", "masks"), ("Masks", "masks")]
)
def test_a_misspelt_folder_gets_the_right_name(tmp_path: Path, wrong: str, missing: str) -> None:
    root = mask_folder(tmp_path, {"train": 2})
    (root / "train" / missing).rename(root / "train" / wrong)
    there = {"images": "masks", "masks": "images"}[missing]
    assert _refused(root) == [
        f"{root}/train has a folder {there}, and no folder {missing}",
        f"is {root}/train/{wrong} meant? its name has to be {missing}",
        LAYOUT,
    ]


def test_images_without_masks_are_refused(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    assert _refused(tmp_path) == [
        f"{tmp_path} has a folder images, and no folder masks",
        "its folders are images",
        LAYOUT,
    ]


def test_a_folder_above_or_of_classes_is_refused(tmp_path: Path) -> None:
    mask_folder(tmp_path / "upper" / "inner", {".": 1})
    assert _refused(tmp_path / "upper")[:2] == [
        f"{tmp_path}/upper has no folders images and masks, with which networks whose scores are maps are trained",
        f"did you mean {tmp_path}/upper/inner?",
    ]
    assert _refused(tmp_path)[1] == f"did you mean {tmp_path}/upper/inner?"
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    assert _refused(tmp_path / "photos")[1] == "its folders are cat"


def test_folders_inside_images_are_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "images" / "train").mkdir(parents=True)
    (tmp_path / "masks").mkdir()
    assert _refused(tmp_path) == [
        f"{tmp_path}/images holds no JPEG or PNG image",
        "it holds 1 folder, the first train/: the images lie in images itself",
    ]


def test_a_class_beyond_those_there_are_ends_the_training(tmp_path: Path) -> None:
    root = mask_folder(tmp_path, {"train": 2, "val": 1})
    data = _opened(root, 2)
    with pytest.raises(TrainError) as caught:
        data.train.read(0)
    assert caught.value.message == (
        f"{root}/train/masks/0.png: the mask has class 2, and classes are numbered 0 to 1 (255 means unlabelled)"
    )


def _voc(root: Path) -> Path:
    for folder in (voc.IMAGES, voc.MASKS, "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True)
    for number in range(3):
        image, mask = two_squares(number)
        Image.fromarray(image).save(root / voc.IMAGES / f"2007_{number:06}.jpg")
        mask_png(root / voc.MASKS / f"2007_{number:06}.png", mask)
    Image.new("RGB", (4, 4)).save(root / voc.IMAGES / "2007_000009.jpg")  # most images of VOC have no mask
    (root / voc.LISTS / "train.txt").write_text("2007_000002\n2007_000000\n")
    (root / voc.LISTS / "val.txt").write_text("2007_000001\n")
    return root


def test_pascal_vocs_folder(tmp_path: Path) -> None:
    assert holds_masks(_voc(tmp_path))
    data = _opened(tmp_path, 21)
    assert len(data.classes) == 21 and data.classes[15] == "person" and data.notes == ()
    assert data.validation is not None
    assert data.validation.name(0) == "JPEGImages/2007_000001.jpg"
    assert [data.train.name(index) for index in range(2)] == [f"JPEGImages/2007_00000{n}.jpg" for n in (2, 0)]
    assert np.array_equal(data.train.read(0)[-1], two_squares(2)[1][1::2, 1::2])


def test_wrong_lists_of_pascal_voc_are_refused(tmp_path: Path) -> None:
    lists = _voc(tmp_path) / voc.LISTS
    (lists / "train.txt").write_text("2007_000002\n\n2007_000009\n")
    assert _refused(tmp_path) == [
        f"{lists}/train.txt:3: there is no {tmp_path}/SegmentationClass/2007_000009.png",
        "of the 2 images that it names, 1 are not in SegmentationClass",
    ]
    (lists / "train.txt").write_text("2007_000010\n", "utf-8-sig")
    assert _refused(tmp_path)[0] == f"{lists}/train.txt:1: there is no {tmp_path}/JPEGImages/2007_000010.jpg"
    (lists / "train.txt").write_text("\n")
    assert _refused(tmp_path) == [f"{lists}/train.txt names no image"]
    (lists / "train.txt").unlink()
    assert _refused(tmp_path)[0] == f"there is no {lists}/train.txt"


def test_pascal_voc_without_val_is_divided(tmp_path: Path) -> None:
    lists = _voc(tmp_path) / voc.LISTS
    (lists / "val.txt").unlink()
    assert list_masks(tmp_path).notes == (
        "no ImageSets/Segmentation/val.txt, and no image was chosen for validation: nothing is measured",
    )
