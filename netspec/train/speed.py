"""How fast images are read, and how fast a network trains: measured apart, on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from netspec import backend
from netspec.ir.graph import Graph
from netspec.train.chance import shuffled
from netspec.train.data.batches.augment import choose
from netspec.train.data.batches.loader import Loader
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.picture import Data
from netspec.train.learning.optimiser import optimiser_of

SECONDS = 2.0
"""A measurement ends after so long, but takes one batch and two steps at least."""

MOST = 32
"""Images of a step on the CPU, where AlexNet's own 128 take seconds."""


@dataclass(frozen=True, slots=True)
class Speed:
    """A ``rate`` in images per second, measured over so many ``images`` in batches of ``batch``."""

    rate: float
    images: int
    batch: int


def reading(data: Data, graph: Graph | None, workers: int, batch: int) -> Speed | None:
    """How fast training images come out of the loader in random order: decoded, and with a graph cropped, mirrored
    and put into float32 on the CPU. ``None`` where none can be read."""
    places = shuffled(0, 0, len(data.train.labels))
    prepare: Preparation | None = None
    if graph is not None:
        prepare = Preparation.of(graph, data.statistics, data.frame, data.peak, "cpu")
    with Loader(workers, lambda problem: None) as loader:
        start = time.perf_counter()
        images, seconds = 0, 0.0
        for one in loader.run(data.train, places, batch, keep_partial=True):
            if prepare is not None and graph is not None:
                prepare(one.pictures, choose(0, 0, one.places, data.frame, graph.input.output, graph.augment))
            images += len(one.labels)
            seconds = time.perf_counter() - start
            if seconds > SECONDS:
                break
    return Speed(images / seconds, images, batch) if images else None


def training(graph: Graph, device: str) -> Speed:
    """How fast the network trains on random numbers that lie on its device, in float32."""
    batch = graph.train.batch if device == "cuda" else min(graph.train.batch, MOST)
    pytorch = backend.load("pytorch")
    model = pytorch.module(graph, 0).to(device).train()
    optimiser = optimiser_of(graph, model)
    size = graph.input.output
    x = torch.zeros(batch, size.channels, size.height, size.width, device=device).normal_()
    y = torch.from_numpy(np.arange(batch) % graph.scores.output.units).to(device)
    steps, begun, seconds = 0, 0.0, 0.0
    while steps < 3 or seconds < SECONDS:
        optimiser.zero_grad()
        pytorch.training_loss(model, x, y).backward()
        optimiser.step()
        if device == "cuda":
            torch.cuda.synchronize()
        steps += 1
        if steps == 1:
            begun = time.perf_counter()  # the first step, which warms up, does not count
        seconds = time.perf_counter() - begun
    return Speed(batch * (steps - 1) / seconds, batch * (steps - 1), batch)
