"""Crops of drawn sizes (`augment from=256,512` and `area=`): their distributions, and the images they are cut from."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from linear_network import linear_network
from PIL import Image

from netspec.ir.graph import Graph
from netspec.ir.settings import ASPECTS_OF_CROPS, Augment, Preprocessing
from netspec.passes.crops import DrawnCrops, drawn_crops, stored_size
from netspec.train.counter_rng import shuffled, uniform
from netspec.train.data.batches.loader import Loader
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.cut import Cut
from netspec.train.data.drawn import crops_of, cut_of, resized, resized_planes, scaled_down, training_split
from netspec.train.data.moments import Moments, statistics
from netspec.train.data.packing.packing import pack
from netspec.train.data.source import open_source
from netspec.train.data.sources.listing import list_folder
from netspec.train.data.splits import CachedSplit, Data, Frame, InMemorySplit, Unreadable, count_unreadable, with_cache
from netspec.train.errors import TrainError

AREA = DrawnCrops((12, 12), (14, 14), (0.08, 1.0))
SIDES = DrawnCrops((12, 12), (16, 24))


def graph_of(augment: Augment, tested: int | None = None, classes: int = 3) -> Graph:
    graph = replace(linear_network(3, 12, 12, classes=classes), augment=augment)
    return replace(graph, test=replace(graph.test, resize=tested))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Smooth images of several sizes and shapes in three classes."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(12):
        (folder / "train" / "abc"[number % 3]).mkdir(parents=True, exist_ok=True)
        height, width = 40 + 3 * number, 70 - 4 * number
        rows, columns = np.mgrid[0:height, 0:width]
        pixels = np.stack([3 * rows, 2 * columns, rows + columns + 5 * number], axis=2).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "train" / "abc"[number % 3] / f"{number}.png")
    return folder


def torchvisions(crops: DrawnCrops, height: int, width: int, rng: random.Random) -> Cut:
    """What torchvision's RandomResizedCrop.get_params draws, written from its description: ten tries, then a central
    crop of the nearest aspect ratio."""
    assert crops.areas is not None
    for _ in range(10):
        area = height * width * rng.uniform(*crops.areas)
        aspect = math.exp(rng.uniform(math.log(crops.aspects[0]), math.log(crops.aspects[1])))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return Cut(rng.randint(0, height - h), rng.randint(0, width - w), h, w)
    aspect = min(max(width / height, crops.aspects[0]), crops.aspects[1])
    w, h = min(width, round(height * aspect)), min(height, round(width / aspect))
    return Cut((height - h) // 2, (width - w) // 2, h, w)


@pytest.mark.parametrize(("height", "width"), [(375, 500), (256, 256), (60, 500)])
def test_areas_and_aspects_have_torchvisions_distribution(height: int, width: int) -> None:
    """The shares below the deciles of areas, ratios and places differ by less than three times their sampling error,
    which is 0.02 for 600 draws."""
    rng = random.Random(1)
    own = [cut_of(AREA, 7, 0, index, height, width) for index in range(600)]
    theirs = [torchvisions(AREA, height, width, rng) for _ in range(6000)]
    for what in (
        lambda c: c.height * c.width / (height * width),
        lambda c: math.log(c.width / c.height),
        lambda c: (c.top + 0.5) / (height - c.height + 1),
        lambda c: (c.left + 0.5) / (width - c.width + 1),
    ):
        a, b = (np.array([what(cut) for cut in cuts]) for cuts in (own, theirs))
        assert all(abs((a <= q).mean() - (b <= q).mean()) < 0.07 for q in np.quantile(b, np.arange(0.1, 1, 0.1)))
        assert abs((a < b.min()).mean()) + abs((a > b.max()).mean()) < 0.01


def test_the_first_try_is_worked_out_by_hand() -> None:
    share, stretch, top, left = (float(uniform(3, 2, np.array([5]), purpose)[0]) for purpose in (66, 67, 1, 2))
    area, aspect = (0.08 + 0.92 * share) * 300 * 400, 0.75 * (16 / 9) ** stretch
    h, w = round((area / aspect) ** 0.5), round((area * aspect) ** 0.5)
    assert h <= 300 and w <= 400
    assert cut_of(AREA, 3, 2, 5, 300, 400) == Cut(int(top * (301 - h)), int(left * (401 - w)), h, w)


@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    low=st.floats(0.001, 1),
    aspects=st.tuples(st.floats(0.05, 20), st.floats(0.05, 20)),
    index=st.integers(0, 2**31),
)
def test_every_crop_lies_in_its_image(
    height: int, width: int, low: float, aspects: tuple[float, float], index: int
) -> None:
    for crops in (DrawnCrops((6, 8), (9, 30)), DrawnCrops((6, 8), (9, 9), (low, 1.0), (min(aspects), max(aspects)))):
        cut = cut_of(crops, 1, 2, index, height, width)
        whole = cut.scaled or (height, width)
        assert cut.height > 0 and cut.width > 0
        assert 0 <= cut.top <= whole[0] - cut.height and 0 <= cut.left <= whole[1] - cut.width
        pixels = np.zeros((1, height, width), np.uint8)
        assert resized_planes(pixels, cut, crops.size, masks=False).shape == (1, 6, 8)


def test_a_crop_that_never_fits_is_central() -> None:
    whole = DrawnCrops((12, 12), (14, 14), (1.0, 1.0))
    assert cut_of(whole, 0, 0, 0, 100, 400) == Cut(0, (400 - 133) // 2, 100, 133)
    assert cut_of(whole, 0, 0, 0, 400, 90) == Cut(140, 0, 120, 90)
    narrow = DrawnCrops((12, 12), (14, 14), (1.0, 1.0), (1.5, 2.0))
    assert cut_of(narrow, 0, 0, 0, 100, 160) == Cut(0, 0, 100, 160)  # its own ratio is allowed, though never drawn


def test_sides_are_drawn_evenly_from_the_least_to_the_greatest() -> None:
    cuts = [cut_of(SIDES, 3, 1, index, 48, 96) for index in range(540)]
    sides = [cut.scaled[0] for cut in cuts if cut.scaled]
    assert sorted(set(sides)) == list(range(16, 25))
    assert np.bincount(sides)[16:] == pytest.approx([60] * 9, abs=25)
    assert {cut.scaled[1] / cut.scaled[0] for cut in cuts if cut.scaled} == {2.0}
    assert {cut.top for cut in cuts if cut.scaled == (24, 48)} == set(range(13))


def test_crops_lie_anywhere_in_an_image_whose_side_is_drawn_and_in_its_central_square_otherwise() -> None:
    """As in the papers: VGG's "were randomly cropped from rescaled training images", AlexNet's from central squares."""
    anywhere = [cut_of(SIDES, 3, 1, index, 48, 96) for index in range(540)]
    lefts = [cut.left for cut in anywhere if cut.scaled == (16, 32)]
    assert min(lefts) <= 1 and max(lefts) >= 19 and max(lefts) <= 20
    square = DrawnCrops((12, 12), (16, 16))
    assert {cut_of(square, 3, 1, index, 48, 96).left for index in range(100)} == set(range(8, 13))


def test_crops_of_a_side_are_those_of_the_stored_image(photos: Path) -> None:
    """They are cut before they are resized, which rounds other numbers: pixels differ by a grey level at most."""
    graph = graph_of(Augment(resize=20))
    stored = open_source(str(photos), graph, 0).train
    files = open_source(str(photos), graph_of(Augment(resize=14)), 0).train
    crops = DrawnCrops((12, 12), (20, 20))
    cut = crops_of(files, crops, 5, 1, masks=False)
    for index in range(12):
        top, left = (int(float(uniform(5, 1, np.array([index]), purpose)[0]) * 9) for purpose in (1, 2))
        expected = stored.read(index)[:, top : top + 12, left : left + 12].astype(int)
        assert np.abs(cut.read(index) - expected).max() <= 1


def test_a_crop_is_cut_and_then_resized_with_pillow(photos: Path) -> None:
    """As torchvision.transforms.functional.resized_crop does with a Pillow image."""
    data = open_source(str(photos), graph_of(Augment(resize=14, areas=(0.08, 1.0))), 0)
    split = training_split(data, AREA, 5, 1)
    for index, file in enumerate(sorted((photos / "train").glob("*/*"))):
        image = Image.open(file)
        top, left, h, w, _ = cut_of(AREA, 5, 1, index, image.height, image.width)
        expected = image.crop((left, top, left + w, top + h)).resize((12, 12), Image.Resampling.BILINEAR)
        assert split.read(index).tolist() == np.asarray(expected).transpose(2, 0, 1).tolist()


@pytest.mark.parametrize("augment", [Augment(areas=(0.08, 1.0)), Augment(resize=20, sides=(16, 24))])
def test_crops_depend_on_neither_threads_nor_batch(photos: Path, augment: Augment) -> None:
    graph = graph_of(augment)
    data = with_cache(open_source(str(photos), graph, 0))
    read = {}
    for workers, batch in ((1, 4), (3, 5)):
        with Loader(workers, lambda problem: None) as loader:
            split = training_split(data, drawn_crops(graph), 3, 2)
            for one in loader.run(split, shuffled(3, 2, 12), batch, keep_partial=True):
                assert one.pixels.shape[1:] == (3, 12, 12)
                read[batch] = read.get(batch, {}) | dict(zip(one.indices.tolist(), one.pixels.copy(), strict=True))
    assert all(np.array_equal(read[4][index], read[5][index]) for index in range(12))
    other = training_split(data, drawn_crops(graph), 3, 3)
    assert not all(np.array_equal(read[4][index], other.read(index)) for index in range(12))


def test_an_unreadable_image_is_remembered_in_the_next_epoch(photos: Path) -> None:
    graph = graph_of(Augment(areas=(0.08, 1.0)))
    data = with_cache(open_source(str(photos), graph, 0))
    broken = photos / "train" / "a" / "0.png"
    content = broken.read_bytes()
    broken.write_bytes(b"")
    try:
        with pytest.raises(Unreadable):
            training_split(data, drawn_crops(graph), 0, 0).read(0)
    finally:
        broken.write_bytes(content)
    assert count_unreadable(data.train) == 1
    with pytest.raises(Unreadable):
        training_split(data, drawn_crops(graph), 0, 1).read(0)


def test_images_that_are_read_whole_in_each_epoch_are_not_kept_in_their_stored_size(photos: Path) -> None:
    for train in (True, False):
        data = with_cache(open_source(str(photos), graph_of(Augment(areas=(0.08, 1.0))), 0), train=train)
        for index in range(12):
            data.train.read(index)
        assert isinstance(data.train, CachedSplit) and (data.train.whole is not None) == train


def test_sizes_in_validation() -> None:
    assert stored_size(graph_of(Augment(resize=20, sides=(16, 24)))) == (20, 20)
    assert stored_size(graph_of(Augment(resize=14, areas=(0.1, 1.0)))) == (14, 14)
    assert stored_size(graph_of(Augment(resize=20, sides=(16, 24)), tested=16)) == (16, 16)
    assert drawn_crops(graph_of(Augment(resize=20))) is None
    assert drawn_crops(graph_of(Augment(resize=20), tested=20)) is None
    assert drawn_crops(graph_of(Augment(resize=20), tested=24)) == DrawnCrops((12, 12), (20, 20))
    assert drawn_crops(graph_of(Augment(areas=(0.2, 1.0)), tested=15)) == DrawnCrops(
        (12, 12), (15, 15), (0.2, 1.0), ASPECTS_OF_CROPS
    )


def test_jpegs_are_decoded_in_a_size_that_the_smallest_crop_needs() -> None:
    """A crop with 8 % of 914 x 914 pixels and a ratio of 4/3 is 299 x 224."""
    assert DrawnCrops((224, 224), (256, 256), (0.08, 1.0)).decoded_side == 915
    assert DrawnCrops((224, 224), (256, 512)).decoded_side == 1024
    assert DrawnCrops((224, 448), (256, 512)).decoded_side == 2048  # the central part is 512 x 1024
    # A quarter of the area, four times as high as wide, is a quarter as wide as the image.
    assert DrawnCrops((8, 16), (16, 16), (0.25, 1.0), (0.25, 1.0)).decoded_side == 64


@pytest.mark.parametrize(("augment", "tested"), [(Augment(resize=20, sides=(16, 24)), 20), (Augment(resize=20), 18)])
def test_a_pack_may_be_larger_than_the_images_of_validation(
    photos: Path, tmp_path: Path, augment: Augment, tested: int
) -> None:
    pack(list_folder(photos), tmp_path / "pack", 32, 1)
    graph = graph_of(augment, tested)
    data = open_source(str(tmp_path / "pack"), graph, 0)
    assert data.frame == Frame(3, tested, tested)
    assert data.statistics is not None and data.statistics.mean.shape == (3, tested, tested)
    assert data.larger is not None and data.larger.read(0).shape == (3, 32, 32)
    folder = open_source(str(photos), graph, 0)
    for index in range(12):
        assert np.abs(data.train.read(index).astype(int) - folder.train.read(index)).max() <= 8


def test_crops_of_one_size_are_those_of_a_pack(photos: Path, tmp_path: Path) -> None:
    pack(list_folder(photos), tmp_path / "pack", 32, 1)
    graph = graph_of(Augment(resize=20), 18)
    splits = [
        training_split(open_source(str(p), graph, 0), drawn_crops(graph), 1, 0) for p in (tmp_path / "pack", photos)
    ]
    for index in range(12):
        own, other = (split.read(index).astype(int) for split in splits)
        assert np.abs(own - other).max() <= 8


def test_images_that_are_smaller_than_what_is_drawn_are_refused(photos: Path, tmp_path: Path) -> None:
    pack(list_folder(photos), tmp_path / "pack", 20, 1)
    graph = graph_of(Augment(resize=20, sides=(16, 24)))
    with pytest.raises(TrainError, match="are 3x20x20, and crops are cut from images of up to 3x24x24") as caught:
        open_source(str(tmp_path / "pack"), graph, 0)
    assert "netspec pack --size 24" in caught.value.notes[0]
    assert open_source(str(tmp_path / "pack"), graph_of(Augment(resize=18, areas=(0.1, 1.0))), 0).frame.height == 18
    for larger in (graph_of(Augment(resize=22, areas=(0.1, 1.0))), graph_of(Augment(resize=16), tested=22)):
        with pytest.raises(TrainError, match="are 3x20x20, and crops are cut from images of up to 3x22x22") as caught:
            open_source(str(tmp_path / "pack"), larger, 0)
        assert "test from=" in caught.value.notes[0] and "netspec pack --size 22" in caught.value.notes[0]


def test_made_up_images_are_made_in_the_greatest_size() -> None:
    data = open_source("synthetic", graph_of(Augment(resize=20, sides=(16, 24))), 0)
    assert data.frame == Frame(3, 20, 20)
    assert data.larger is not None and data.larger.read(0).shape == (3, 24, 24)
    assert data.train.read(0).shape == (3, 20, 20)
    assert open_source("synthetic", graph_of(Augment(resize=16), tested=22), 0).frame == Frame(3, 22, 22)


def test_sides_of_made_up_images_that_are_not_square_are_rounded() -> None:
    graph = replace(linear_network(3, 8, 12), augment=Augment(sides=(8, 9), resize=8))
    data = open_source("synthetic", graph, 0)
    assert data.larger is not None and data.larger.read(0).shape == (3, 9, 14)
    assert data.train.read(0).shape == (3, 8, 12)


def test_images_of_another_shape_are_not_scaled() -> None:
    split = InMemorySplit(np.zeros((2, 3, 8, 6), np.uint8), np.zeros(2, np.int64), str)
    data = Data("own", ("a",), Frame(3, 8, 6), split, None)
    assert scaled_down(data, Frame(3, 4, 4), Frame(3, 4, 4)) is data
    assert scaled_down(data, Frame(3, 8, 6), Frame(3, 4, 3)) is data
    assert scaled_down(data, Frame(3, 4, 3), Frame(3, 4, 3)).train.read(1).shape == (3, 4, 3)


def test_the_centre_of_the_mean_image_is_subtracted() -> None:
    frame = Frame(3, 16, 16)
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 16, 16), np.uint8)
    graph = graph_of(Augment(resize=16, areas=(0.1, 1.0)))
    graph = replace(graph, preprocessing=Preprocessing(255, "image"))
    measured = statistics(Moments.from_pixels(images))
    prepare = Preparation.for_graph(graph, measured, frame, 255, "cpu").for_training(graph)
    assert prepare.frame == Frame(3, 12, 12)
    assert prepare.mean.numpy() == pytest.approx(images.mean(axis=0)[:, 2:14, 2:14], abs=1e-4)
    assert prepare.pad == 0 and isinstance(prepare.mean, torch.Tensor)


def test_grey_images_are_cut_too(photos: Path) -> None:
    image = Image.open(photos / "train" / "a" / "0.png").convert("L")
    cut = Cut(3, 4, 20, 30)
    assert resized(image, cut, (12, 12)).size == (12, 12)
    uncached = CachedSplit(InMemorySplit(np.zeros((1, 1, 20, 20), np.uint8), np.zeros(1, np.int64), str))
    assert crops_of(uncached, AREA, 0, 0, masks=False).read(0).shape == (1, 12, 12)
