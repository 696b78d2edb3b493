"""Measure how much reading and augmenting packed images slows down training.

alexnet-tiny (or `--spec alexnet`, whose step takes longer) is trained in turns on two sources: a pack of synthetic
JPEGs (prefetched by the same threads as in `netspec train`; cropped, mirrored, mean-subtracted and colour-shifted), and
one batch of random float32 images that stays in memory. A turn on the pack ends when the prefetched batches have
arrived too, so that none of its reading falls into the other's turn. Goal: at least 0.95 of the other's images/s.

Each turn is compared with the one next to it, since other load on the machine slows both. On a busy machine, more and
shorter turns give better results: --rounds 60 --steps 2 --batch 64. The processor time is printed too; for it, set
OMP_WAIT_POLICY=passive, so that waiting threads do not spin.
"""

from __future__ import annotations

import argparse
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from timing import print_table, take_turns
from torch import Tensor

import netspec
from netspec import backend
from netspec.ir.graph import Graph
from netspec.train.counter_rng import Indices, shuffled
from netspec.train.data.batches.augment import choose
from netspec.train.data.batches.loader import Loader
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.batches.readable import AHEAD
from netspec.train.data.batches.transfer import buffers_for, to_device
from netspec.train.data.cores import cores_available
from netspec.train.data.packing.packing import pack
from netspec.train.data.sources.listing import list_folder
from netspec.train.data.sources.packed import open_packed
from netspec.train.data.sources.synthetic import Textures
from netspec.train.data.splits import Data, DecodedSplit, Frame, Pixels
from netspec.train.learning.optimiser import optimiser_for

SPECS = Path(__file__).parent.parent / "specs"
PACKED, RANDOM = "packed, read and varied", "random, in memory"
CLASSES = 10
WARM_UP = 2
LOCK = threading.Lock()

Batches = Iterator[tuple[Tensor, Tensor]]


class CountingSplit:
    """A split that counts the images requested and read so far, so that it can wait for prefetched ones."""

    images_requested = images_read = 0

    def __init__(self, split: DecodedSplit) -> None:
        self.stored, self.labels, self.name = split.stored, split.labels, split.name
        self._split = split

    def read(self, index: int) -> Pixels:
        """Return one image; see ``Split``."""
        return self._split.read(index)

    def fill(self, indices: Indices, out: Pixels) -> None:
        """Read images into ``out``; see ``DecodedSplit``."""
        self._split.fill(indices, out)
        with LOCK:
            CountingSplit.images_read += len(indices)

    @classmethod
    def settle(cls) -> None:
        """Wait until all requested images have been read."""
        while cls.images_read < cls.images_requested:
            time.sleep(0.0002)


def folder_of(images: int, root: Path) -> Path:
    """Write class folders of JPEGs of 300 x 270 pixels, and return their parent folder."""
    textures = Textures(Frame(3, 270, 300), CLASSES, images, (0, 0))
    for index in range(images):
        folder = root / "train" / f"{index % CLASSES}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(textures.read(index).transpose(1, 2, 0)).save(folder / f"{index}.jpg")
    return root


def from_pack(data: Data, graph: Graph, loader: Loader, batch: int, device: torch.device) -> Batches:
    """Yield the prepared batches of one epoch after another, as the training loop does."""
    size = graph.input.output
    prepare = Preparation(graph.preprocessing, data.statistics, data.frame, size, data.peak, device)
    prepare = prepare.for_training(graph)
    assert isinstance(data.train, DecodedSplit)  # true of every pack
    split = CountingSplit(data.train)
    per_epoch = len(split.labels) // batch
    for epoch in count():
        order = shuffled(0, epoch, len(split.labels))
        for number, one in enumerate(loader.run(split, order, batch, keep_partial=False), 1):
            CountingSplit.images_requested = (epoch * per_epoch + min(number + AHEAD, per_epoch)) * batch
            choices = choose(0, epoch, one.indices, prepare.frame, size, graph.augment)
            yield prepare(one.pixels, choices), to_device(one.labels, device)


def from_memory(batch: int, graph: Graph, device: torch.device) -> Batches:
    """Yield the same batch of random images for ever."""
    size = graph.input.output
    x = torch.randn(batch, size.channels, size.height, size.width, device=device)
    y = torch.from_numpy(np.arange(batch) % CLASSES).to(device)
    while True:
        yield x, y


def training(graph: Graph, batches: Batches, steps: int, device: torch.device) -> Callable[[], None]:
    """Return a turn: ``steps`` training steps, and the prefetching that they trigger.

    Each turn continues the training where the last one stopped.
    """
    pytorch = backend.load("pytorch")
    model = pytorch.module(graph, 0).to(device).train()
    optimiser = optimiser_for(graph.parameters, dict(model.named_parameters()))

    def turn() -> None:
        for _ in range(steps):
            x, y = next(batches)
            optimiser.zero_grad()
            pytorch.training_loss(model, x, y).backward()
            optimiser.step()
        CountingSplit.settle()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return turn


@dataclasses.dataclass
class TimedTraining:
    """A training whose turns are timed: wall seconds, and processor seconds of all threads."""

    turn: Callable[[], None]
    seconds: list[float] = dataclasses.field(default_factory=list)
    processor_seconds: list[float] = dataclasses.field(default_factory=list)

    def __call__(self) -> None:
        """Run and time one turn."""
        start, worked = time.perf_counter(), time.process_time()
        self.turn()
        self.seconds.append(time.perf_counter() - start)
        self.processor_seconds.append(time.process_time() - worked)


def median_ratio(own: list[float], others: list[float]) -> float:
    """Return how many times as long the other's turns take: the median over pairs of consecutive turns.

    Other load on the machine slows both turns of a pair.
    """
    return median(other / mine for mine, other in zip(own[WARM_UP:], others[WARM_UP:], strict=True))


def main() -> None:
    """Print the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", default="alexnet-tiny", help="the network's name in specs/")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=8, help="steps of a turn")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--images", type=int, default=1024, help="images packed")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    graph = netspec.load(SPECS / f"{options.spec}.net").graph
    graph = dataclasses.replace(graph, augment=dataclasses.replace(graph.augment, colour=0.1))
    workers = min(cores_available(), 16)
    with TemporaryDirectory() as name, Loader(workers, lambda problem: None, buffers_for(options.device)) as loader:
        listing = list_folder(folder_of(options.images, Path(name, "images")))
        pack(listing, Path(name, "pack"), 256, workers)
        data = open_packed(Path(name, "pack"))
        sources = {
            PACKED: from_pack(data, graph, loader, options.batch, device),
            RANDOM: from_memory(options.batch, graph, device),
        }
        turns = {
            name: TimedTraining(training(graph, batches, options.steps, device)) for name, batches in sources.items()
        }
        take_turns(turns, options.rounds, WARM_UP)
    images = options.batch * options.steps
    print(
        f"torch {torch.__version__}, {options.device}, float32, batch {options.batch}, {options.threads} CPU threads, "
        f"{workers} readers"
    )
    rows = [(f"{options.spec}, training", "images/s", "in memory = 1", "processor ms an image", "in memory = 1")]
    memory = turns[RANDOM]
    for name, own in turns.items():
        speed = images / median(own.seconds[WARM_UP:])
        work = 1000 * median(own.processor_seconds[WARM_UP:]) / images
        faster = median_ratio(own.seconds, memory.seconds)
        less_work = median_ratio(own.processor_seconds, memory.processor_seconds)
        rows.append((name, f"{speed:.1f}", f"{faster:.3f}", f"{work:.2f}", f"{less_work:.3f}"))
    print_table(rows)


if __name__ == "__main__":
    main()
