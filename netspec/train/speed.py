"""Measuring separately how fast images are read and how fast a network trains on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from netspec import backend
from netspec.ir.graph import Graph
from netspec.passes.crops import drawn_crops
from netspec.train.counter_rng import shuffled
from netspec.train.data.batches.augment import choose
from netspec.train.data.batches.loader import Loader
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.drawn import training_split
from netspec.train.data.splits import Data
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.learning.task import made_up_labels

SECONDS = 2.0
"""How long a measurement lasts. It takes at least one batch, or three steps."""

MAX_CPU_BATCH = 32
"""The largest batch on the CPU, where a step of AlexNet's own 128 images takes seconds."""


@dataclass(frozen=True, slots=True)
class Speed:
    """A ``rate`` in images per second, measured in batches of ``batch`` images."""

    rate: float
    batch: int


def reading(data: Data, graph: Graph | None, workers: int, batch: int) -> Speed | None:
    """Measure how fast the loader decodes training images in random order. ``None`` if no image can be read.

    With a graph, the images are also augmented and converted to float32, on the CPU.
    """
    indices = shuffled(0, 0, len(data.train.labels))
    prepare: Preparation | None = None
    if graph is not None:
        prepare = Preparation.for_graph(graph, data.statistics, data.frame, data.peak, "cpu")
        prepare = prepare.for_training(graph)
    split = training_split(data, drawn_crops(graph) if graph is not None else None, 0, 0)
    with Loader(workers, lambda problem: None) as loader:
        start = time.perf_counter()
        images, seconds = 0, 0.0
        for loaded in loader.run(split, indices, batch, keep_partial=True):
            if prepare is not None and graph is not None:
                prepare(loaded.pixels, choose(0, 0, loaded.indices, prepare.frame, graph.input.output, graph.augment))
            images += len(loaded.labels)
            seconds = time.perf_counter() - start
            if seconds > SECONDS:
                break
    return Speed(images / seconds, batch) if images else None


def batch_for(graph: Graph, device: str) -> int:
    """Return the batch to measure a network with: the spec's own, but at most ``MAX_CPU_BATCH`` on the CPU."""
    return graph.train.batch if device == "cuda" else min(graph.train.batch, MAX_CPU_BATCH)


def training(graph: Graph, device: str) -> Speed:
    """Measure how fast the network trains in float32, on random images that are already on its device."""
    batch = batch_for(graph, device)
    pytorch = backend.load("pytorch")
    model = pytorch.module(graph, 0).to(device).train()
    optimiser = optimiser_of(graph, model)
    size = graph.input.output
    x = torch.zeros(batch, size.channels, size.height, size.width, device=device).normal_()
    y = made_up_labels(graph, batch).to(device)
    steps, start, seconds = 0, 0.0, 0.0
    while steps < 3 or seconds < SECONDS:
        optimiser.zero_grad()
        pytorch.training_loss(model, x, y).backward()
        optimiser.step()
        if device == "cuda":
            torch.cuda.synchronize()
        steps += 1
        if steps == 1:
            start = time.perf_counter()  # the first step is a warm-up and does not count
        seconds = time.perf_counter() - start
    return Speed(batch * (steps - 1) / seconds, batch)
