"""From a spec and a request to a trained network in a run's folder."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from netspec.ir.graph import Graph
from netspec.passes.torch_names import attributes, state_key
from netspec.train.augment import Preparation
from netspec.train.config import Config, Request, TrainError, resolve
from netspec.train.console import Reporter
from netspec.train.data.loader import Batch, Loader
from netspec.train.data.picture import Data, Remembered
from netspec.train.data.source import open_source
from netspec.train.evaluate import PROTOCOL, VIEWS, Evaluation
from netspec.train.interrupt import stop_on_interrupt
from netspec.train.loop import Training
from netspec.train.loop import run as run_loop
from netspec.train.objective import build
from netspec.train.optimiser import optimiser_for
from netspec.train.plot import HOW_TO_GET_IT, draw_curves
from netspec.train.record import Problems, counts, describe, finish, sha256
from netspec.train.runfolder import RunFolder, disk_problem
from netspec.train.statistics import Statistics, measure, sampled
from netspec.train.trainable import need_trainable


@dataclass(frozen=True, slots=True)
class Result:
    """How a training ended. ``counts`` is what became of the images (see ``record.counts``)."""

    folder: Path
    state: Literal["finished", "interrupted"]
    step: int
    evaluation: Evaluation | None
    counts: dict[str, dict[str, int]]


def train(graph: Graph, spec: str, stem: str, request: Request, reporter: Reporter) -> Result:
    """Train a network.

    Parameters
    ----------
    graph, spec:
        The checked network, and the text that it was read from.
    stem:
        What the run's folder is named after when the request names none.

    Raises
    ------
    RequestError
        What was asked for is not there: source, device, a free folder.
    TrainError
        The network cannot be trained, data and network do not fit, the training diverged, or the disk is full.
    KeyboardInterrupt
        SIGINT before the first step, or a second time. (A first one during training gives ``state="interrupted"``.)
    """
    config = resolve(request, graph.train)
    need_trainable(graph, config.batch)
    torch.set_num_threads(config.threads)
    data = remembered(open_source(config.data, graph, config.seed))
    need_full_batch(data, config)
    folder = RunFolder.create(request.out, re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "run")
    facts = describe(graph, config, data, spec)
    problems = Problems(folder, reporter)
    state: Literal["finished", "interrupted", "failed"] = "failed"
    training: Training | None = None
    started = time.monotonic()
    try:
        folder.write_spec(spec)
        folder.write_run({"state": "running", **facts})
        for note in data.notes:
            reporter.note(note)
        if graph.test.views != VIEWS:
            reporter.note(f"validation takes the {PROTOCOL}; the spec's test views={graph.test.views} is left out")
        with Loader(config.workers, problems.met) as loader:
            statistics = measured(graph, data, config, loader, reporter)
            training = assemble(graph, config, data, statistics, loader, folder, reporter, spec)
            with stop_on_interrupt() as stop:
                state = run_loop(training, stop)
        reporter.close()
        if not draw_curves(folder.metrics, folder.curves, stem):
            reporter.note(HOW_TO_GET_IT)
    except KeyboardInterrupt:
        state = "interrupted"
        raise
    except OSError as problem:
        raise disk_problem(problem) from problem
    finally:
        reporter.close()
        facts["seconds"] = round(time.monotonic() - started, 3)
        finish(folder, state, facts, training)
    return Result(folder.path, state, training.step, training.found, counts(training))


def remembered(data: Data) -> Data:
    """The source with its pictures kept in memory, where they are few enough."""
    validation = Remembered(data.validation, data.frame) if data.validation is not None else None
    return dataclasses.replace(data, train=Remembered(data.train, data.frame), validation=validation)


def need_full_batch(data: Data, config: Config) -> None:
    """Raise ``TrainError`` where there are fewer training images than a batch takes."""
    images = len(data.train.labels)
    if images < config.batch:
        raise TrainError(
            f"{data.source} has {images} training images, a batch has {config.batch}: there is no full batch",
            f"train with a smaller one: --batch {max(1, images)}",
        )


def measured(graph: Graph, data: Data, config: Config, loader: Loader, reporter: Reporter) -> Statistics | None:
    """The statistics of the training images, where the network wants a mean or a colour shift."""
    if graph.preprocessing.mean == "none" and not graph.augment.colour:
        return None
    places = sampled(len(data.train.labels))

    def read() -> Iterator[Batch]:
        done = 0
        for batch in loader.run(data.train, places, config.batch, keep_partial=True):
            done += len(batch.labels)
            reporter.reading(done, len(places))
            yield batch

    statistics = measure(read(), data.frame)
    if statistics.images == 0:
        raise TrainError(f"none of the {len(places)} training images can be read")
    return statistics


def assemble(
    graph: Graph,
    config: Config,
    data: Data,
    statistics: Statistics | None,
    loader: Loader,
    folder: RunFolder,
    reporter: Reporter,
    spec: str,
) -> Training:
    """The network with its initial values, its optimiser, and everything else that the loop works on."""
    objective = build(graph, config.seed, config.device)
    names = attributes(graph)
    tensors = dict(objective.module.named_parameters())
    own = {key: tensors[state_key(parameter, names)] for key, parameter in graph.parameters.items()}
    device = torch.device(config.device)
    prepare = Preparation(graph.preprocessing, statistics, data.frame, graph.input.output, data.peak, device)
    return Training(
        graph=graph,
        config=config,
        data=data,
        objective=objective,
        optimiser=optimiser_for(graph.parameters, own),
        prepare=prepare,
        loader=loader,
        folder=folder,
        reporter=reporter,
        facts={
            "spec": spec,
            "spec_sha256": sha256(spec),
            "seed": config.seed,
            "classes": list(data.classes),
            "preparation": {"peak": data.peak, "mean": prepare.mean.cpu(), "axes": prepare.axes.cpu()},
        },
    )
