"""Putting together what a training works on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from netspec.ir.graph import Graph
from netspec.train.config import Config
from netspec.train.data import picture
from netspec.train.data.batches.augment import Preparation
from netspec.train.data.batches.loader import Loader
from netspec.train.data.moments import Moments, Statistics, measure, sampled, statistics
from netspec.train.data.picture import Data, Pixels
from netspec.train.errors import TrainError
from netspec.train.learning.ema import Average
from netspec.train.learning.guessing import guessing
from netspec.train.learning.objective import Objective
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.processes.crew import ALONE, Crew
from netspec.train.reporting.console import Reporter
from netspec.train.runs.plot import Drawing
from netspec.train.runs.record import versions_here
from netspec.train.runs.runfolder import RunFolder
from netspec.train.runs.same_data import fingerprint
from netspec.train.runs.saved import sha256
from netspec.train.training import Training
from netspec.units import count


def remembered(data: Data) -> Data:
    """The source with its pictures kept in memory, where they are few enough."""
    validation = picture.remembered(data.validation, data.frame) if data.validation is not None else None
    return dataclasses.replace(data, train=picture.remembered(data.train, data.frame), validation=validation)


def need_full_batch(data: Data, config: Config) -> None:
    """Raise ``TrainError`` where there are fewer training images than a batch takes."""
    images = len(data.train.labels)
    if images < config.batch:
        raise TrainError(
            f"{data.source} has {count(images)} training images, a batch has {count(config.batch)}: there is no full "
            "batch",
            f"train with a smaller one: --batch {max(1, images)}",
        )


def measured(
    graph: Graph, data: Data, config: Config, loader: Loader, reporter: Reporter, crew: Crew = ALONE
) -> Statistics | None:
    """The statistics of the training images, where the network's input or a colour shift wants them. Each of the crew
    reads its part of them."""
    if not graph.preprocessing.measured and not graph.augment.colour:
        return None
    if data.statistics is not None:
        return data.statistics
    everything = sampled(len(data.train.labels)) if data.sample is None else np.asarray(data.sample)
    places = everything[crew.rank :: crew.size]

    def read() -> Iterator[Pixels]:
        done = 0
        for batch in loader.run(data.train, places, config.batch, keep_partial=True):
            done += len(batch.labels)
            reporter.reading(done, len(places))
            yield batch.pictures

    moments = sum(crew.gathered(measure(read(), data.frame)), Moments.none(data.frame))
    if moments.images == 0:
        raise TrainError(f"none of the {len(everything)} training images can be read")
    return statistics(moments)


def assemble(
    graph: Graph,
    config: Config,
    objective: Objective,
    data: Data,
    prepare: Preparation,
    loader: Loader,
    folder: RunFolder,
    reporter: Reporter,
    facts: dict[str, Any],
    crew: Crew = ALONE,
) -> Training:
    """The network as it starts, its optimiser, and everything else that the loop works on. ``facts`` are what every
    checkpoint holds beside the state (``kept``)."""
    return Training(
        graph=graph,
        config=config,
        data=data,
        objective=objective,
        optimiser=optimiser_of(graph, objective.module, fused=objective.forms.fused_update),
        prepare=prepare,
        loader=loader,
        folder=folder,
        reporter=reporter,
        facts=facts,
        guessing=guessing(graph, len(data.train.labels), config.batch),
        drawing=Drawing(folder, graph.name, reporter.note),
        average=Average(objective.module, graph.train.ema) if graph.train.ema else None,
        crew=crew,
    )


def kept(spec: str, config: Config, data: Data, prepare: Preparation, origin: dict[str, Any]) -> dict[str, Any]:
    """What every checkpoint of a run says about it. ``origin`` is where its first weights came from."""
    return {
        "spec": spec,
        "spec_sha256": sha256(spec),
        "seed": config.seed,
        "classes": list(data.classes),
        "preparation": prepare.kept(),
        "settings": config.as_dict(),
        "data": fingerprint(data),
        "versions": versions_here(),
        "origin": origin,
    }
