"""Measuring the mean and the colour statistics of the training images, divided among the processes of a training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netspec.ir.graph import Graph
from netspec.train.data.batches.loader import Loader
from netspec.train.data.moments import Moments, Statistics, measure, sample_indices, statistics
from netspec.train.data.splits import Data, Pixels
from netspec.train.errors import TrainError
from netspec.train.processes.world import SINGLE_PROCESS, World
from netspec.train.reporting.console import Reporter


def training_statistics(
    graph: Graph, data: Data, batch: int, loader: Loader, reporter: Reporter, world: World = SINGLE_PROCESS
) -> Statistics | None:
    """Return the statistics of the training images; ``None`` if neither the input layer nor the augmentation needs any.

    If the source does not provide them, they are measured: each process reads its part of the images, ``batch`` at a
    time.

    Raises
    ------
    TrainError
        None of the images can be read.
    """
    if not graph.preprocessing.measured and not graph.augment.colour:
        return None
    if data.statistics is not None:
        return data.statistics
    candidates = sample_indices(len(data.train.labels)) if data.sample is None else np.asarray(data.sample)
    indices = candidates[world.rank :: world.size]

    def read() -> Iterator[Pixels]:
        done = 0
        for loaded in loader.run(data.train, indices, batch, keep_partial=True):
            done += len(loaded.labels)
            reporter.reading(done, len(indices))
            yield loaded.pixels[:, : data.frame.channels]

    moments = sum(world.gather(measure(read(), data.frame)), Moments.zero(data.frame))
    if moments.images == 0:
        raise TrainError(f"none of the {len(candidates)} training images can be read")
    return statistics(moments)
