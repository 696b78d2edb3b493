"""Sources with masks as a training opens them: that they suit the network, and crops of drawn sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mask_files import mask_folder, mask_png, two_squares
from PIL import Image

from netspec import loads
from netspec.ir.graph import Graph
from netspec.passes.crops import drawn_crops
from netspec.passes.score_grid import UNLABELLED
from netspec.train.data.batches.augment import choose
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.drawn import scaled_down, training_split
from netspec.train.data.source import open_data, open_source
from netspec.train.data.sources.digits import open_digits
from netspec.train.data.splits import Data, Frame, InMemorySplit, with_cache
from netspec.train.errors import TrainError

DENSE = "[image] input 3x24x24\n[scores] conv filters=3 kernel=1\n"


def graph(text: str = DENSE, **lines: str) -> Graph:
    return loads(text + "".join(f"{word}  {line}\n" for word, line in lines.items())).graph


def _refused(source: Path | str, network: Graph) -> list[str]:
    with pytest.raises(TrainError) as caught:
        open_source(str(source), network, 0)
    return [caught.value.message, *caught.value.notes]


def test_the_ink_of_a_digit_has_its_class() -> None:
    plain, masked = open_digits(), open_digits(masks=True)
    assert masked.classes == ("background", *"0123456789") and masked.stored == Frame(2, 8, 8)
    for index in (0, 700):
        image, mask = masked.train.read(index)
        assert np.array_equal(image[None], plain.train.read(index))
        digit = int(plain.train.labels[index])
        assert np.array_equal(mask, np.where(image >= 8, digit + 1, 0))
        assert masked.train.name(index) == plain.train.name(index)
    assert masked.validation is not None and len(masked.validation.labels) == 359


def test_the_network_needs_a_score_for_each_class_of_masks(tmp_path: Path) -> None:
    root = mask_folder(tmp_path, {"train": 2, "val": 1})
    assert open_source(str(root), graph(), 0).classes == ("class 0", "class 1", "class 2")
    few = _refused(root, graph(DENSE.replace("filters=3", "filters=2")))
    assert few == [
        f"{root}/train/masks/0.png: the mask has class 2, and classes are numbered 0 to 1 (255 means unlabelled)",
        "the network needs as many scores as the masks have classes, and classes.txt, if there is one, as many lines; "
        "or the masks hold brightness to look at, not numbers of classes",
    ]
    (root / "classes.txt").write_text("ground\nred\ngreen\nblue\n")
    assert _refused(root, graph()) == [
        f"{root} has 4 classes, net has 3 outputs",
        "the outputs are those of layer scores: --set scores.filters=4, or use other data",
    ]
    (root / "classes.txt").write_text("red\ngreen\n")
    assert _refused(root, graph()) == [
        f"{root} has 2 classes, net has 3 outputs",
        f"the first line of {root}/classes.txt names class 0, usually the background: add it if it is missing",
        "the outputs are those of layer scores: --set scores.filters=2, or use other data",
    ]


def test_masks_in_black_and_white_are_refused(tmp_path: Path) -> None:
    root = mask_folder(tmp_path, {"train": 3, "val": 1})
    for number in range(3):
        mask_png(root / "train" / "masks" / f"{number}.png", np.tile(np.array([0, 255], np.uint8), (30, 20)), "L")
    assert _refused(root, graph()) == [
        f"the masks of {root}/train have the numbers 0 and 255 only, and 255 is unlabelled",
        f"3 training masks looked at, the first {root}/train/masks/0.png; the whole image would be class 0",
        "if 255 is meant as a class of its own, classes.txt says so in two lines: background 0 0 0, and object 255 255 "
        "255",
    ]


def test_masks_without_a_labelled_pixel_are_refused(tmp_path: Path) -> None:
    root = mask_folder(tmp_path, {"train": 2, "val": 1})
    for number in range(2):
        mask_png(root / "train" / "masks" / f"{number}.png", np.full((30, 40), UNLABELLED, np.uint8))
    assert _refused(root, graph()) == [
        f"the masks of {root}/train have the number 255 only, which is unlabelled",
        f"2 training masks looked at, the first {root}/train/masks/0.png",
    ]


def test_masks_of_one_class_are_noted(tmp_path: Path) -> None:
    root = mask_folder(tmp_path, {"train": 2, "val": 1})
    assert open_source(str(root), graph(), 0).notes == ()
    for number, border in enumerate((UNLABELLED, 1)):
        mask = np.ones((30, 40), np.uint8)
        mask[0] = border
        mask_png(root / "train" / "masks" / f"{number}.png", mask)
    assert open_source(str(root), graph(), 0).notes == (
        f"2 training masks looked at, the first {root}/train/masks/0.png: all have class 1 only; netspec check-data "
        "counts the classes of all masks",
    )


def test_masks_whose_classes_count_from_1_are_explained(tmp_path: Path) -> None:
    root = mask_folder(tmp_path, {"train": 1, "val": 1})
    mask = two_squares(0)[1]
    mask_png(root / "train" / "masks" / "0.png", np.where(mask == UNLABELLED, mask, mask + 1).astype(np.uint8))
    assert _refused(root, graph()) == [
        f"{root}/train/masks/0.png: the mask has class 3, and classes are numbered 0 to 2 (255 means unlabelled)",
        "it has no pixel of class 0: if its classes are counted from 1, subtract 1; otherwise the network, and "
        "classes.txt if there is one, needs one class more",
    ]


def test_masks_that_none_can_use_are_refused_at_once(tmp_path: Path) -> None:
    root = mask_folder(tmp_path, {"train": 2, "val": 1})
    for number in range(2):
        Image.new("RGB", (40, 30)).save(root / "train" / "masks" / f"{number}.png")
    message, *notes = _refused(root, graph())
    assert message.startswith(f"{root}/train/masks/0.png: the mask has colours, not class numbers; save it as a PNG")
    assert notes == ["so are the others looked at, 2 of 2 training masks"]
    mask_png(root / "train" / "masks" / "1.png", two_squares(1)[1])
    assert open_source(str(root), graph(), 0).masks  # a single one is left out when it is read


def test_a_folder_of_classes_or_of_masks_suits_the_other_kind_of_network_only(tmp_path: Path) -> None:
    masks = mask_folder(tmp_path / "masks", {"train": 2, "val": 1})
    photos = tmp_path / "photos"
    for name in ("cat", "dog"):
        (photos / name).mkdir(parents=True)
        Image.new("RGB", (40, 30)).save(photos / name / "1.png")
    classes = graph("[image] input 3x24x24\n[scores] fc outputs=2\n")
    assert _refused(masks, classes) == [
        f"{masks} has images and masks, a class for each pixel, and the network needs a class for each image",
        "networks whose scores are maps are trained on masks, all others on classes of images",
    ]
    assert _refused(photos, graph())[:2] == [
        f"{photos} has no folders images and masks, with which networks whose scores are maps are trained",
        "its folders are cat, dog",
    ]
    assert open_data(str(masks)).masks and not open_data(str(photos)).masks
    (masks / "train" / "masks").rename(masks / "train" / "labels")
    with pytest.raises(TrainError, match="and no folder masks"):
        open_data(str(masks))


@pytest.mark.parametrize("line", ["crop=24 from=26,34", "crop=24 from=28 area=0.1,1"])
def test_crops_of_drawn_sizes_move_images_and_masks_alike(tmp_path: Path, line: str) -> None:
    """Smooth images whose value says the place of the pixel, and masks of what lies right of their middle: where a
    crop is left or right of it by more than the filter's reach, the mask is 0 or 1."""
    across = np.tile(np.linspace(0, 255, 80), (60, 1)).round().astype(np.uint8)
    for place, name in enumerate(("train", "train", "val")):
        for folder in ("images", "masks"):
            (tmp_path / name / folder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.stack([across] * 3, axis=2)).save(tmp_path / name / "images" / f"{place}.png")
        mask_png(tmp_path / name / "masks" / f"{place}.png", (across > 127).astype(np.uint8))
    network = graph(augment=line)
    crops = drawn_crops(network)
    data = with_cache(open_source(str(tmp_path), network, 0), train=False)
    seen = []
    for epoch in range(8):
        split = training_split(data, crops, 0, epoch)
        for index in range(2):
            red, *_, mask = split.read(index)
            assert (mask[red > 140] == 1).all() and (mask[red < 115] == 0).all()
            seen.append(mask)
    assert {0, 1} == set(np.unique(seen)) and any(not np.array_equal(seen[0], other) for other in seen[1:])


def test_images_smaller_than_the_crop_are_padded_with_the_mean_and_unlabelled(tmp_path: Path) -> None:
    """A grey image of 24 x 12 pixels whose shorter side becomes 6, in crops of 24 x 24."""
    for name in ("train", "val"):
        for folder in ("images", "masks"):
            (tmp_path / name / folder).mkdir(parents=True)
        Image.new("RGB", (24, 12), (200, 150, 100)).save(tmp_path / name / "images" / "1.png")
        mask_png(tmp_path / name / "masks" / "1.png", np.ones((12, 24), np.uint8))
    reads = "24x24  range=1 mean=0.2,0.5,0.7 order=bgr"
    network = graph(DENSE.replace("24x24", reads), augment="from=6,7 fill=mean", test="from=24")
    data = open_source(str(tmp_path), network, 0)
    prepare = Preparation.for_graph(network, None, data.frame, data.peak, "cpu").for_training(network)
    crops = drawn_crops(network)
    assert crops is not None and crops.pads
    seen = set()
    for epoch in range(9):
        *image, mask = training_split(data, crops, 0, epoch, prepare.padding(network.augment)).read(0)
        rows = int((mask[:, 0] == 1).sum())
        seen.add(rows)
        part = np.zeros((24, 24), bool)
        part[:rows, : 2 * rows] = True
        assert ((mask == 1) == part).all() and (mask[~part] == UNLABELLED).all()
        for plane, inside, outside in zip(image, (200, 150, 100), (178, 128, 51), strict=True):  # 255 times the mean
            assert (plane[part] == inside).all() and (plane[~part] == outside).all()
        choices = choose(0, epoch, np.array([0]), prepare.frame, network.input.output, network.augment)
        padding = prepare(np.stack(image)[None], choices)[0].numpy()[:, ~part]
        assert np.abs(padding).max() <= 0.5 / 255 + 1e-6
    assert seen == {6, 7}


def test_stored_images_with_masks_are_scaled_down_alike() -> None:
    """From 8 x 8 to 4 x 4 pixels: means of the image, and of the mask the last of each 2 x 2."""
    image = np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8)
    mask = np.where(np.arange(64).reshape(1, 1, 8, 8) % 7 == 0, UNLABELLED, 1).astype(np.uint8)
    split = InMemorySplit(np.concatenate([image, mask], axis=1), np.zeros(1, np.int64), str)
    data = Data("made", ("a", "b"), Frame(1, 8, 8), split, split, masks=True)
    small = scaled_down(data, Frame(1, 4, 4), Frame(1, 8, 8))
    assert small.larger is split and small.frame == Frame(1, 4, 4) and small.masks
    assert np.array_equal(small.train.read(0)[1], mask[0, 0, 1::2, 1::2])
    assert abs(small.train.read(0)[0, 1, 1] - image[0, 0, 2:4, 2:4].mean()) < 1  # a triangle, wider than 2 x 2
