"""Generated programs vary the images of a folder as the trainer does: the batches of an epoch have the same bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from programs import load_program
from rich.console import Console
from small_network import small_graph

from netspec.ir.graph import Graph
from netspec.passes.crops import drawn_crops
from netspec.train.counter_rng import shuffled
from netspec.train.data.batches.augment import choose
from netspec.train.data.batches.loader import Loader
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.drawn import training_split
from netspec.train.data.source import open_source
from netspec.train.data.splits import with_cache
from netspec.train.measuring import training_statistics
from netspec.train.reporting.console import Reporter

pytestmark = pytest.mark.usefixtures("one_thread")

SEED, EPOCH, BATCH = 5, 2, 8
AUGMENTS = (
    "crop=12 from=13,20",
    "area=0.08,1 flip=horizontal",
    "from=5,21 fill=mean flip=horizontal colour=pca(0.1)",
    "from=7,20 fill=black policy=trivialaugment",
    "from=14,30 flip=horizontal colour=pca(0.1)",
    "from=14 area=0.05,0.5 aspect=0.5,3",
    "pad=3 colour=jitter(brightness=0.4, contrast=0.3)",
    "pad=3 fill=reflect colour=jitter(contrast=0.4)",
    "from=13,20 colour=jitter(brightness=0.4, hue=0.3)",
    "flip=horizontal erase=cutout(5)",
    "pad=2 erase=random(0.9)",
    "pad=4 fill=reflect",
    "flip=horizontal erase=random(0.9, fill=noise)",
    "erase=cutout(7, fill=noise)",
    "erase=random(0.9, fill=colour)",
    "flip=horizontal policy=trivialaugment",
    "from=14 crop=12 pad=2 policy=randaugment(2, 9) colour=jitter(brightness=0.4),pca(0.1)",
    "crop=12 area=0.1,1 flip=horizontal policy=randaugment(3, 30) erase=cutout(3)",
    "crop=12 from=14 pad=2 fill=mean flip=horizontal colour=pca(0.1)",
    "crop=12 from=14 area=0.1,1 colour=pca(0.1) erase=random(0.5, max_area=0.8)",
)
MEANS = ("none", "image", "channel std=channel", "0.4,0.5,0.3 std=0.25,0.3,0.2 order=bgr")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of random pixels, of several sizes and shapes, in three classes."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number in range(48):
        height, width = rng.integers(14, 40, 2)
        (folder / "abc"[number % 3]).mkdir(exist_ok=True)
        pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "abc"[number % 3] / f"{number}.{'png' if number % 2 else 'jpg'}")
    return folder


@pytest.mark.parametrize(
    ("mean", "augment"),
    [
        pytest.param(mean, augment, marks=[] if (row + column) % 4 == 0 else pytest.mark.slow)
        for row, augment in enumerate(AUGMENTS)
        for column, mean in enumerate(MEANS)
    ],
)
def test_batches_of_an_epoch_are_the_trainers(mean: str, augment: str, photos: Path, tmp_path: Path) -> None:
    graph = small_graph(mean, augment)
    graph = replace(graph, test=replace(graph.test, resize=24)) if "from=14,30" in augment else graph
    folder = load_program(graph, tmp_path).Folder(photos, BATCH, SEED, 1)
    own = list(folder.training(EPOCH))
    expected = trainers_batches(graph, photos)
    assert len(own) == len(expected) > 3
    for (x, classes), (y, labels) in zip(own, expected, strict=True):
        assert classes.tolist() == labels
        assert torch.equal(x, y)


def trainers_batches(graph: Graph, photos: Path) -> list[tuple[torch.Tensor, list[int]]]:
    """The batches of an epoch as `netspec train` prepares them."""
    data = open_source(str(photos), graph, SEED)
    with Loader(1, lambda problem: None) as loader:
        measured = training_statistics(graph, data, BATCH, loader, Reporter(Console(quiet=True)))
        prepare = Preparation.for_graph(graph, measured, data.frame, data.peak, "cpu").for_training(graph)
        padding = prepare.padding(graph.augment)
        split = training_split(with_cache(data), drawn_crops(graph), SEED, EPOCH, padding)
        order = shuffled(SEED, EPOCH, len(data.train.labels))
        batches = []
        for batch in loader.run(split, order, BATCH, keep_partial=False):
            choices = choose(SEED, EPOCH, batch.indices, prepare.frame, graph.input.output, graph.augment)
            batches.append((prepare(batch.pixels, choices).clone(), batch.labels.tolist()))
    return batches
