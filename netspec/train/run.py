"""Training a network into a new run folder, and resuming a run."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from netspec.ir.graph import Graph
from netspec.ir.settings import Views
from netspec.net import Net
from netspec.passes.crops import drawn_crops
from netspec.passes.placing import arrange
from netspec.train.config import Config, Request, resolve
from netspec.train.data.batches.loader import Loader
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.batches.transfer import buffers_for
from netspec.train.data.drawn import WholeMasks
from netspec.train.data.source import open_source
from netspec.train.data.sources.synthetic import SYNTHETIC
from netspec.train.data.splits import Data, only_class, with_cache
from netspec.train.errors import RequestError
from netspec.train.learning.ema import Average
from netspec.train.learning.guessing import guessing
from netspec.train.learning.heap import memory_kept
from netspec.train.learning.objective import Objective
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.learning.recorded import recorded
from netspec.train.learning.task import task_of
from netspec.train.learning.torch_settings import cudnn_benchmark
from netspec.train.learning.validation import PROTOCOL, VIEWS, Evaluation
from netspec.train.loop import run as run_loop
from netspec.train.measuring import training_statistics
from netspec.train.processes.distributed import distribute, sharing_arrangement
from netspec.train.processes.launching import report_run, stop_with_the_others
from netspec.train.processes.world import SINGLE_PROCESS, World, require_same_images
from netspec.train.reporting.board import Board, require_tensorboard
from netspec.train.reporting.console import Reporter
from netspec.train.requirements import require_full_batch, require_trainable
from netspec.train.runs import checkpoint
from netspec.train.runs.plot import Drawing
from netspec.train.runs.record import Problems, checkpoint_facts, counts, finish, run_facts, versions_here
from netspec.train.runs.resume import (
    Earlier,
    reopen,
    repeated_config,
    require_run,
    require_same_spec,
    resumed_config,
    rounding_differences,
)
from netspec.train.runs.runfolder import RunFolder, disk_problem, is_run, locked
from netspec.train.runs.same_data import require_same_data
from netspec.train.runs.saved import preparation_of, require_same
from netspec.train.runs.snapshot import restore, save
from netspec.train.tensors.initial import initial_network, random_network
from netspec.train.training import Training
from netspec.train.weighing import with_counted_weights, with_weights_of


@dataclass(frozen=True, slots=True)
class Result:
    """How a training ended.

    ``counts`` says what became of the images (see ``record.counts``); ``signal`` is the signal that interrupted the
    training. ``views`` are those of the spec's test, of which validations only see the centre crop. ``unchanged`` is
    true if the run was already finished and nothing was done.
    """

    folder: Path
    state: Literal["finished", "interrupted"]
    step: int
    evaluation: Evaluation | None
    counts: Mapping[str, Mapping[str, int]]
    views: Views
    signal: int | None = None
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class _Job:
    """Everything needed to start a training, or to continue one.

    ``origin`` records where the initial weights come from, and ``balanced`` whether the weights of the classes were
    counted in the images. ``state`` is the checkpoint to continue from; it is emptied once the training has restored
    it.
    """

    graph: Graph
    spec: str
    config: Config
    data: Data
    objective: Objective
    origin: dict[str, Any]
    folder: Path
    world: World
    balanced: bool
    state: dict[str, Any] | None = None


def train(net: Net, stem: str, request: Request, reporter: Reporter, world: World = SINGLE_PROCESS) -> Result:
    """Train a network. If ``request.out`` is a run that the same request started, continue it.

    Parameters
    ----------
    stem:
        The name that the run's folder is derived from if the request does not name a folder.
    world:
        The processes that train together; all of them call this with the same request.

    Raises
    ------
    RequestError
        The source, the device or a free folder does not exist, or the folder's run has other settings.
    TrainError
        The network cannot be trained, the data do not fit it, training diverged, the disk is full, or the folder's run
        is of another network or of data that have changed since.
    KeyboardInterrupt
        SIGINT before the first step. (During training, SIGINT leads to ``state="interrupted"``.)
    """
    if request.out is not None and world.broadcast(is_run(request.out)):
        with world.only_on_main(locked(request.out)):
            earlier = reopen(request.out, reporter.warn)
            net = with_weights_of(earlier, net, request.input)
            require_same_spec(earlier, net, request)
            config = repeated_config(earlier, request, net.graph.train)
            return _resume(earlier, net.graph, config, request, reporter, world)
    config = resolve(request, net.graph.train)
    graph, data = _open(net.graph, config, request.data, world)
    graph, spec = with_counted_weights(graph, net.kept_text, config, data, reporter, world)
    objective, origin = initial_network(graph, config, request, reporter)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "run"
    folder = world.broadcast(RunFolder.create(request.out, name).path if world.is_main else Path())
    with world.only_on_main(locked(folder)):
        balanced = net.graph.train.class_weights == "balanced"
        return _run(_Job(graph, spec, config, data, objective, origin, folder, world, balanced), reporter)


def resume(run: Path, net: Net | None, request: Request, reporter: Reporter, world: World = SINGLE_PROCESS) -> Result:
    """Resume a run. If ``net`` is given, the run must be of that network.

    Choices that the request leaves open are those of the run. Raises the same errors as ``train``.
    """
    require_run(run)
    with world.only_on_main(locked(run)):
        earlier = reopen(run, reporter.warn)
        if net is not None:
            require_same_spec(earlier, with_weights_of(earlier, net, request.input), request)
        graph = earlier.net().graph
        return _resume(earlier, graph, resumed_config(earlier, request, graph.train), request, reporter, world)


def _resume(
    earlier: Earlier, graph: Graph, config: Config, request: Request, reporter: Reporter, world: World
) -> Result:
    if earlier.finished(config):
        return _finished_result(earlier)
    graph, data = _open(graph, config, request.data, world)
    folder, state = earlier.folder, earlier.state
    if state is None:  # the run ended before its first checkpoint: start it again in the same folder
        origin = earlier.facts.get("weights")
        if origin is not None and request.weights is None:
            request = dataclasses.replace(request, weights=Path(origin["file"]), fresh=tuple(origin["fresh"]))
        objective, origin = initial_network(graph, config, request, reporter)
        if world.is_main:
            RunFolder(folder).clear()
        return _run(
            _Job(graph, earlier.spec, config, data, objective, origin, folder, world, earlier.balanced), reporter
        )
    if request.weights is not None and state["origin"] != initial_network(graph, config, request, reporter)[1]:
        raise RequestError(
            f"{earlier.folder} did not start from {request.weights} as it is now, with these layers fresh"
        )
    require_same_data(state["data"], data)
    objective = random_network(graph, config)
    assert earlier.file is not None
    require_same(objective.module.state_dict(), state["weights"], earlier.file)
    for difference in rounding_differences(earlier, config, versions_here()):
        reporter.note(f"{difference}: the last bits of the numbers may differ from those of one uninterrupted run")
    reporter.note(f"{earlier.folder}: continuing after step {earlier.step}")
    job = _Job(graph, earlier.spec, config, data, objective, state["origin"], folder, world, earlier.balanced, state)
    return _run(job, reporter)


def _open(graph: Graph, config: Config, named_source: str | None, world: World) -> tuple[Graph, Data]:
    """Return the network with its final precision, and the opened data, after all checks that need no training.

    ``named_source`` is the data source that the user has named explicitly, if any.
    """
    graph = dataclasses.replace(graph, train=dataclasses.replace(graph.train, precision=config.precision))
    require_trainable(graph, config.batch)
    sharing_arrangement(graph, config.gpus, config.split, config.batch)
    if config.tensorboard:
        require_tensorboard()
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    try:
        data = open_source(config.data, graph, config.seed)
    except RequestError as problem:
        if named_source is not None:
            raise
        hint = "the run was started with this source; if it has moved, name it with --data"
        raise RequestError(problem.message, hint) from problem
    require_full_batch(data, config.batch)
    require_same_images(data, world)
    return graph, data


def _finished_result(earlier: Earlier) -> Result:
    """Return the result of a run that is already finished."""
    assert earlier.state is not None
    scores = earlier.state["found"]
    graph, counted = earlier.net().graph, earlier.facts["counts"]
    evaluation = task_of(graph, ()).evaluation(scores) if scores is not None else None
    return Result(earlier.folder, "finished", earlier.step, evaluation, counted, graph.test.views, unchanged=True)


def _run(job: _Job, reporter: Reporter) -> Result:
    """Train, from the beginning or from a checkpoint, and leave the folder in a consistent state however it ends."""
    if job.world.is_main:
        report_run(job.folder)
    forms = job.objective.forms
    with memory_kept(forms.kept_memory), cudnn_benchmark(forms.benchmarked), job.world.folder(job.folder) as folder:
        return _run_in(folder, job, reporter)


def _run_in(folder: RunFolder, job: _Job, reporter: Reporter) -> Result:
    graph, config, world = job.graph, job.config, job.world
    facts = run_facts(graph, config, job.data, job.spec, balanced=job.balanced) | job.origin
    resumed = {"resumed": [*job.state["resumed"], job.state["step"]]} if job.state is not None else {}
    state: Literal["finished", "interrupted", "failed"] = "failed"
    training: Training | None = None
    data = with_cache(job.data, train=drawn_crops(graph) is None)
    try:
        folder.write_run({"state": "running", **facts, **resumed})
        folder.write_spec(job.spec)
        folder.remove_test()
        for note in (*data.notes, *_validation_notes(graph, job.data)):
            reporter.note(note)
        problems = Problems(folder, reporter)
        try:
            with Loader(config.workers, problems.report, buffers_for(config.device)) as loader:
                training = _build_training(job, data, folder, loader, reporter)
                if job.state is not None:
                    _restore(training, job.state)
                else:  # a run that is resumed has them recorded
                    for warning in filter(None, (only_class(data.classes), *training.task.warnings)):
                        training.warn(warning)
                if config.tensorboard and world.is_main:
                    training.board = Board(folder.path / "tensorboard", training.step)
                with stop_with_the_others() as stop:
                    state = run_loop(training, lambda: world.any(stop()))
                    # One process may have received a signal that the others have not; all have stopped because of it.
                    signals = [number for number in world.gather(stop.signal) if number is not None]
        finally:  # the threads have ended: nothing more is found
            problems.report_all(data)
    except KeyboardInterrupt:
        state = "interrupted"
        raise
    except OSError as problem:
        raise disk_problem(problem, folder.path) from problem
    finally:
        reporter.close()
        if training is not None:
            training.close()
        finish(folder, state, facts, training)
    stopped_by = signals[0] if signals else None
    return Result(job.folder, state, training.step, training.evaluation, counts(training), graph.test.views, stopped_by)


def _validation_notes(graph: Graph, data: Data) -> tuple[str, ...]:
    """Return a note if tests may see more of an image than validation does."""
    if graph.test.views != VIEWS:
        where = "netspec eval" if data.source == SYNTHETIC else "the test at the end"
        return (f"validation uses the {PROTOCOL}; the spec's test views={graph.test.views} applies to {where}",)
    if graph.is_dense and isinstance(data.train, WholeMasks):
        return (f"validation uses the {PROTOCOL} of each image; netspec eval --views whole measures all of it",)
    return ()


def _build_training(job: _Job, data: Data, folder: RunFolder, loader: Loader, reporter: Reporter) -> Training:
    """Build the ``Training``, before its first step."""
    graph, config, world = job.graph, job.config, job.world
    task = task_of(graph, data.classes)
    for line in task.notes:
        reporter.note(line)
    prepare = _preparation(job, data, folder, loader, reporter)
    prepare_training = prepare.for_training(graph)
    if world.size > 1:
        objective: Objective = distribute(job.objective, arrange(graph, config.gpus, config.split))
    else:
        objective = recorded(job.objective)
    layout_notes = _lay_out(objective, dict.fromkeys((prepare, prepare_training)), config.device)
    for line in (*layout_notes, *objective.use_kernels()):
        reporter.note(line)
    return Training(
        graph=graph,
        config=config,
        data=data,
        objective=objective,
        optimiser=optimiser_of(graph, objective.module, fused=objective.forms.fused_update, devices=objective.devices),
        prepare=prepare,
        prepare_training=prepare_training,
        task=task,
        loader=loader,
        folder=folder,
        reporter=reporter,
        facts=checkpoint_facts(job.spec, config, job.data, prepare, job.origin),
        guessing=guessing(graph, len(data.train.labels), config.batch),
        drawing=Drawing(folder, graph.name, reporter.note) if world.is_main else None,
        average=Average(objective.module, graph.train.ema) if graph.train.ema else None,
        world=world,
    )


def _preparation(job: _Job, data: Data, folder: RunFolder, loader: Loader, reporter: Reporter) -> Preparation:
    """Return the preparation of images, with what is measured on those of the training; in a run that is resumed, as
    its checkpoint says."""
    graph, config = job.graph, job.config
    if job.state is not None:
        return preparation_of(job.state, graph, str(folder.path), data.frame, data.peak, config.device)
    statistics = job.world.broadcast(training_statistics(graph, data, config.batch, loader, reporter, job.world))
    return Preparation.for_graph(graph, statistics, data.frame, data.peak, config.device)


def _lay_out(objective: Objective, preparations: Iterable[Preparation], device: str) -> list[str]:
    """Prepare images in the layout that the network reads, unless they are changed after it could be written. Return
    notes for the user, each once."""
    layout, augment, on_gpu = objective.layout, objective.graph.augment, device == "cuda"
    changes = {
        "mixed": augment.mixes,
        "changed by a policy": augment.policy and on_gpu,
        "jittered": augment.jitter and on_gpu,
        "erased in part": augment.erase and on_gpu,
    }
    when = next((word for word, is_set in changes.items() if is_set), None)
    notes = []
    if layout is not None and when is not None:
        layout = None
        notes.append(f"images are laid out as blocks in another copy, after they have been {when}")
    notes += (note for preparation in preparations for note in preparation.lay_out(layout))
    return list(dict.fromkeys(notes))


def _restore(training: Training, state: dict[str, Any]) -> None:
    """Restore a checkpoint's state, and remove everything that was written after it.

    Empties ``state``: callers hold a reference to it until the run ends, and it contains a second copy of weights and
    of what the optimiser remembers.
    """
    restore(training, state)
    training.world.any(False)  # a barrier: all processes have read the folder before the main process changes it
    checkpoint.set_aside_after(training.folder.checkpoints, training.step)
    if not training.folder.rewind(state["metrics_bytes"], training.step):
        training.warn(f"{training.folder.metrics} does not end at the checkpoint; its lines up to there are kept")
    config, settings = training.config, state["settings"]
    if (settings["epochs"], settings["steps"]) != (config.epochs, config.steps):
        if training.progress is not None:
            training.progress.plan = training.plan(training.step - training.progress.epoch_meter.steps)
        save(training)  # record the new end of the run, even if this process does not get any further
    state.clear()
