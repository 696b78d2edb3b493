"""Packs of images with masks: what is written, checked and read again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mask_files import mask_folder, mask_png
from PIL import Image
from processes import invoke

from netspec import loads
from netspec.train.data.packing import packing
from netspec.train.data.packing.packing import pack
from netspec.train.data.source import open_data, open_source
from netspec.train.data.sources import shards
from netspec.train.data.sources.folder import open_folder
from netspec.train.data.sources.masks.folder import open_mask_folder
from netspec.train.data.sources.masks.listing import list_masks
from netspec.train.data.splits import Frame
from netspec.train.errors import TrainError

SIZE = 16
DENSE = loads("[image] input 3x16x16\n[scores] conv filters=3 kernel=1\n").graph


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nine training images in shards of 4, one of them with an RGB mask, and two of validation."""
    monkeypatch.setattr(shards, "SHARD", 4)
    monkeypatch.setattr(packing, "CHUNK", 2)
    root = mask_folder(tmp_path / "scenes", {"train": 9, "val": 2})
    Image.new("RGB", (40, 30)).save(root / "train" / "masks" / "3.png")
    return root


def test_a_pack_has_the_images_and_masks_of_its_folder(root: Path, tmp_path: Path) -> None:
    packed = pack(list_masks(root), tmp_path / "packed", SIZE, processes=1)
    assert (packed.classes, packed.splits["train"].stored, packed.splits["train"].unreadable) == (3, 8, 1)
    there, here = open_mask_folder(root, Frame(3, SIZE, SIZE), 3), open_source(str(tmp_path / "packed"), DENSE, 0)
    assert here.masks and here.stored == Frame(4, SIZE, SIZE) and here.classes == there.classes
    own = [index for index in range(9) if there.train.name(index) != "train/images/3.png"]
    for place, index in enumerate(own):
        assert here.train.name(place) == there.train.name(index)
        assert np.array_equal(here.train.read(place), there.train.read(index))
    assert here.statistics is not None and here.statistics.mean.shape == (3, SIZE, SIZE)
    mean = np.mean([there.train.read(index)[:3] for index in own], axis=0)
    assert np.allclose(here.statistics.mean, mean, atol=1e-9)


def test_reason_of_an_unreadable_pair_names_the_mask_if_it_is_that(root: Path, tmp_path: Path) -> None:
    (image,) = (root / "train" / "images").glob("1.*")
    image.write_bytes(b"no image")
    pack(list_masks(root), tmp_path / "packed", SIZE, processes=1)
    lines = (tmp_path / "packed" / "unreadable.jsonl").read_text().splitlines()
    of_image, of_mask = (json.loads(line)["reason"] for line in lines)
    assert of_mask.startswith("masks/3.png: ") and "masks" not in of_image


def test_the_manifest_counts_the_pixels_of_each_class(root: Path, tmp_path: Path) -> None:
    pack(list_masks(root), tmp_path / "packed", SIZE, processes=1)
    manifest = json.loads((tmp_path / "packed" / "manifest.json").read_text())
    assert manifest["masks"] is True and manifest["channels"] == 3 and manifest["classes"] == []
    masks = [open_mask_folder(root, Frame(3, SIZE, SIZE), 3).validation.read(index)[-1] for index in range(2)]  # type: ignore[union-attr]
    assert manifest["splits"]["val"]["pixels"] == np.bincount(np.ravel(masks), minlength=256).tolist()
    assert sum(manifest["splits"]["train"]["pixels"]) == 8 * SIZE * SIZE
    assert np.load(tmp_path / "packed" / "train-00000.npy").shape == (4, 4, SIZE, SIZE)


def test_the_number_of_processes_and_an_interruption_do_not_change_the_pack(root: Path, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done >= 5:
            raise KeyboardInterrupt

    pack(list_masks(root), tmp_path / "one", SIZE, processes=1)
    with pytest.raises(KeyboardInterrupt):
        pack(list_masks(root), tmp_path / "two", SIZE, processes=1, progress=stop)
    begun: list[int] = []
    pack(list_masks(root), tmp_path / "two", SIZE, processes=1, begin=begun.append)
    assert begun == [4]
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_a_changed_mask_is_another_source(root: Path, tmp_path: Path) -> None:
    assert invoke("pack", str(root), "-o", str(tmp_path / "packed"), "--size", "16", "--quiet").exit_code == 0
    mask_png(root / "train" / "masks" / "3.png", np.zeros((30, 40), np.uint8))
    again = invoke("pack", str(root), "-o", str(tmp_path / "packed"), "--size", "16", "--quiet")
    assert again.exit_code == 2 and "is a pack of another source" in again.stderr


def test_the_command_names_what_is_left_out(root: Path, tmp_path: Path) -> None:
    done = invoke("pack", str(root), "-o", str(tmp_path / "packed"), "--size", "16", "--processes", "1", "--quiet")
    assert done.exit_code == 0
    assert "warning: train/images/3.png left out: masks/3.png: the mask has colours, not class numbers" in done.stderr
    assert done.stdout.splitlines()[0] == "train: 9 images = 8 packed + 1 unreadable"
    assert done.stdout.splitlines()[2].startswith("3 classes, ")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            "[image] input 3x16x16\n[scores] conv filters=2 kernel=1\n",
            "the mask has class 2, and classes are numbered 0 to 1",
        ),
        (
            "[image] input 3x16x16\n[scores] fc outputs=3\n",
            "has images and masks, a class for each pixel, and the network needs a class for each image",
        ),
    ],
)
def test_a_pack_that_does_not_suit_the_network_is_refused(
    root: Path, tmp_path: Path, network: str, message: str
) -> None:
    pack(list_masks(root), tmp_path / "packed", SIZE, processes=1)
    with pytest.raises(TrainError, match=message):
        open_source(str(tmp_path / "packed"), loads(network).graph, 0)
    assert open_data(str(tmp_path / "packed")).classes == ("class 0", "class 1", "class 2")


def test_a_pack_without_masks_is_refused_by_a_dense_network(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / "photos" / "train" / name).mkdir(parents=True)
        Image.new("RGB", (20, 20)).save(tmp_path / "photos" / "train" / name / "1.png")
    assert open_folder(tmp_path / "photos").classes == ("a", "b")
    assert invoke("pack", str(tmp_path / "photos"), "-o", str(tmp_path / "packed"), "--size", "16").exit_code == 0
    with pytest.raises(TrainError, match="has a class for each image, and the network needs a mask of each"):
        open_source(str(tmp_path / "packed"), DENSE, 0)


def test_wrong_folders_are_not_packed(root: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("")
    refused = invoke("pack", str(root), "-o", str(tmp_path / "packed"), "--val-labels", str(labels))
    assert refused.exit_code == 2 and "has images and masks, and --val-labels gives classes to images" in refused.stderr
    (root / "classes.txt").write_text("ground\nred\n")
    refused = invoke("pack", str(root), "-o", str(tmp_path / "packed"), "--size", "16", "--processes", "1")
    assert (
        refused.exit_code == 1
        and "train/masks/0.png: the mask has class 2, and classes are numbered 0 to 1" in refused.stderr
    )
    (root / "classes.txt").unlink()
    for number in range(9):
        Image.new("RGB", (40, 30)).save(root / "train" / "masks" / f"{number}.png")
    refused = invoke("pack", str(root), "-o", str(tmp_path / "all"), "--size", "16", "--processes", "1")
    assert refused.exit_code == 1 and "so are the others looked at, 8 of 9 training masks" in refused.stderr


def test_masks_in_black_and_white_are_not_packed(root: Path, tmp_path: Path) -> None:
    """Of a pack nobody could see any more that 255 was meant as a class."""
    for number in range(9):
        mask_png(root / "train" / "masks" / f"{number}.png", np.tile(np.array([0, 255], np.uint8), (30, 20)), "L")
    refused = invoke("pack", str(root), "-o", str(tmp_path / "packed"), "--size", "16", "--processes", "1")
    assert refused.exit_code == 1 and "have the numbers 0 and 255 only" in refused.stderr
