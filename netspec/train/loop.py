"""The training loop."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
from torch import Tensor

from netspec.passes.crops import drawn_crops
from netspec.train.counter_rng import shuffled
from netspec.train.data.batches.augment import central, choose
from netspec.train.data.batches.loader import Batch, Tally
from netspec.train.data.batches.mixing import mixed, rows_to_read
from netspec.train.data.batches.transfer import to_device
from netspec.train.data.drawn import training_split
from netspec.train.data.splits import CachedSplit
from netspec.train.errors import TrainError
from netspec.train.interval import Due
from netspec.train.learning.rates import scales
from netspec.train.learning.schedule import Moment, observe, rate_factor, unfinished_warmup
from netspec.train.learning.validation import evaluate
from netspec.train.processes.world import Readers
from netspec.train.reporting.console import Status
from netspec.train.runs.snapshot import diverged, save
from netspec.train.training import EpochProgress, Meter, Training

LINES_PER_EPOCH = 100
"""How many training lines an epoch adds to ``metrics.jsonl`` at most. The loss is copied from the device only for these
lines."""

Stop = Callable[[], bool]


def run(t: Training, stop: Stop) -> Literal["finished", "interrupted"]:
    """Train until all epochs or steps are done, or until ``stop()`` is true after a step.

    Checkpoints are saved before the first step, at the end of each epoch, at the interval in the settings, and when
    stopped.

    Raises
    ------
    TrainError
        The loss or a weight is no longer finite, the loss does not depend on any weights, or the readable training
        images do not fill one batch.
    OSError
        The run's folder cannot be written.
    """
    due = Due(t.config.save_every)
    if not t.resumed:
        save(t)
    while not t.finished:
        if t.progress is None:
            agree_on_unreadable(t)
            t.progress = t.begin_epoch()
            plan = t.progress.plan
            if t.step == 0 and (warning := unfinished_warmup(t.graph.train, plan.steps, plan.per_epoch)) is not None:
                t.warn(warning)
        if not (train_epoch(t, t.progress, due, stop) and validate(t, t.progress, stop)):
            save(t)
            return "interrupted"
        last = t.progress
        if last.tally.unreached == 0:
            close_epoch(t, last)
        look_back(t, last)
        save(t)
        due.done()
        if t.drawing is not None:
            t.drawing.draw_if_due()
        if stop() and not t.finished:
            return "interrupted"
    return "finished"


def agree_on_unreadable(t: Training) -> None:
    """Share among all processes which training images have been found unreadable so far.

    Each process has read different images to measure the mean. They must agree, because the number of readable images
    determines the number of steps per epoch, and with it the learning rate schedule.
    """
    if isinstance(t.data.train, CachedSplit):
        t.data.train.expect_failures(t.world.merge_failures(t.data.train.failures()))


def train_epoch(t: Training, progress: EpochProgress, due: Due, stop: Stop) -> bool:
    """Take the remaining steps of an epoch, or of the whole training. Return ``False`` if stopped before the end."""
    config = t.config
    images = len(t.data.train.labels)
    order = shuffled(config.seed, t.epoch, images)
    position = np.empty(images, np.int64)
    position[order] = np.arange(images)
    skipped_before = progress.tally.skipped
    readers = Readers(t.world, lambda count: rows_to_read(t.graph.augment, t.objective.training_rows(count), count))
    padding = t.prepare_training.padding(t.graph.augment)
    split = training_split(t.data, drawn_crops(t.graph), config.seed, t.epoch, padding)
    reading = t.loader.run(split, order[progress.position :], config.batch, keep_partial=False, sharing=readers)
    batches = iter(reading)
    t.reporter.plan(progress.plan)
    try:
        while t.step != config.steps and (batch := next(batches, None)) is not None:
            loss = take_step(t, progress, *augmented(t, batch, readers))
            progress.advance(int(position[batch.indices[-1]]) + 1, len(batch.labels), loss, reading.waited)
            report_step(t, progress, loss)
            if t.world.any(due(t.step)):
                save(t)
                due.done()
            if stop():
                return False
        if t.step != config.steps or images - progress.position < config.batch:
            # The remaining images do not fill a batch. Read them anyway, to count those that are unreadable.
            for _ in batches:
                pass
            progress.finish(images, skipped_before + reading.tally.skipped)
    finally:
        reading.finish()
    if not progress.tally.used:
        raise no_full_batch(progress.tally, config.batch)
    if progress.line_meter.steps:
        log_line(t, progress)
    return True


def augmented(t: Training, batch: Batch, readers: Readers) -> tuple[Tensor, Tensor]:
    """Return this process's images of a batch, augmented (random crop, mirroring, colour shift) and prepared, and the
    labels of the whole batch. If the augment line mixes images, so are these, and the labels are targets."""
    indices, size, prepare = batch.indices[batch.rows], t.graph.input.output, t.prepare_training
    choices = choose(t.config.seed, t.epoch, indices, prepare.frame, size, t.graph.augment)
    images = prepare(batch.pixels, choices)
    labels = to_device(t.task.labels(batch, choices, prepare, readers), t.config.device)
    rows = t.objective.training_rows(len(labels))
    return mixed(t.graph, images, labels, batch.rows, rows, t.config.seed, t.step)


def take_step(t: Training, progress: EpochProgress, x: Tensor, labels: Tensor) -> Tensor:
    """Take one optimiser step on a batch of prepared images with their labels, or their targets (see ``Objective``).
    Return the loss, a scalar that is still on the device."""
    config, plan = t.config, progress.plan
    train, now = t.graph.train, Moment(t.step, plan.steps, t.epoch, plan.per_epoch, progress.epoch_meter.steps)
    t.optimiser.factor = rate_factor(train, train.schedule, now, t.watch)
    t.optimiser.scales = scales(train, t.optimiser.groups, now, t.watch, config.seed)
    t.optimiser.zero_grad()
    loss = t.objective.gradients(x, labels, config.seed, t.step, t.optimiser.step)
    if t.average is not None:
        t.average.update()
    t.step += 1
    return loss


def report_step(t: Training, progress: EpochProgress, loss: Tensor) -> None:
    """Report after a step: which forms are in use (first step only), warnings about the loss, and progress."""
    if t.step == t.start_step + 1:
        t.report_forms()
    if (warning := t.guessing.look(t.step, loss)) is not None:
        t.warn(warning)
    every = max(1, len(t.data.train.labels) // t.config.batch // LINES_PER_EPOCH)
    if t.step == t.config.steps or t.step % every == 0:
        log_line(t, progress)


def look_back(t: Training, last: EpochProgress) -> None:
    """At the end of the training, whose last epoch was ``last``, warn if the network is still guessing."""
    if t.finished and (warning := t.guessing.look_back(t.step, t.epoch, last.epoch_meter.loss)) is not None:
        t.warn(warning)


def close_epoch(t: Training, progress: EpochProgress) -> None:
    """Count an epoch as done, and pass its validation error to the schedule."""
    if t.evaluation is not None:
        t.watch = observe(t.graph.train.schedule, t.watch, t.evaluation.error)
    t.tally.add(progress.tally)
    t.epoch += 1
    t.progress = None


def no_full_batch(tally: Tally, batch: int) -> TrainError:
    """Return the error for an epoch without a step: the readable images do not fill a batch."""
    return TrainError(
        f"{tally.skipped} of {tally.drawn} training images cannot be read; the other {tally.dropped} do not fill a "
        f"batch of {batch}",
        f"repair or replace them, or train with a smaller batch: --batch {max(1, tally.dropped)}",
    )


def log_line(t: Training, progress: EpochProgress) -> None:
    """Write a line of the log, and show progress. Raises ``TrainError`` if the loss is not finite."""
    line = progress.line_meter.status(t.step, t.epoch, progress.waited)
    log(
        t,
        {
            "step": line.step,
            "epoch": line.epoch,
            "loss": line.loss,
            "lr": t.graph.train.lr * t.optimiser.factor,
            "images_per_s": round(line.images_per_second, 1),
            "waiting": round(line.waiting, 4),
        },
    )
    t.reporter.progress(epoch_status(t, progress))
    if not math.isfinite(line.loss):
        raise diverged(line.step, f"the loss is {line.loss}")
    progress.line_meter = Meter(progress.waited)


def validate(t: Training, progress: EpochProgress, stop: Stop) -> bool:
    """Evaluate the network on the validation images, if there are any; report and log the result.

    Returns ``False``, without reporting anything, if stopped before the end.
    """
    if t.validated == t.step:
        return True
    if stop():
        return False
    status = epoch_status(t, progress)  # taken before the evaluation, so that the speed is that of training steps
    if t.data.validation is not None:
        with t.average.in_place() if t.average is not None else contextlib.nullcontext():
            batches = itertools.takewhile(lambda _: not stop(), validation_batches(t))
            evaluation = evaluate(t.objective, batches, t.config.seed, t.task.totals)
        if stop():
            return False
        t.report_forms()  # the first evaluation may have added notes
        # Devices may round differently, and the schedule may depend on the result: all use that of the main process.
        t.evaluation = t.world.broadcast(evaluation)
        if t.evaluation is None and t.task.nothing_counted not in t.warnings:
            t.warn(t.task.nothing_counted)
    if t.evaluation is not None:
        log(
            t,
            {
                "step": t.step,
                "epoch": t.epoch + 1,
                "val_loss": t.evaluation.loss,
                **t.evaluation.metrics,
                "val_images": t.evaluation.images,
            },
        )
    t.validated = t.step
    t.reporter.validated(status, t.evaluation)
    return True


def epoch_status(t: Training, progress: EpochProgress) -> Status:
    """Return the means over the epoch so far."""
    return progress.epoch_meter.status(t.step, t.epoch, progress.waited)


def log(t: Training, line: Mapping[str, Any]) -> None:
    """Add a line to ``metrics.jsonl``, and to TensorBoard if requested."""
    t.folder.log(line)
    if t.board is not None:
        t.board.add(line)


def validation_batches(t: Training) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the readable validation images in batches: prepared central crops, and labels.

    The images are those of the batch that this process evaluates; the labels are those of the whole batch. The last
    batch may be smaller.
    """
    split = t.data.validation
    if split is None:
        return
    readers = Readers(t.world, t.objective.evaluation_rows)
    for batch in t.loader.run(split, np.arange(len(split.labels)), t.config.batch, keep_partial=True, sharing=readers):
        choices = central(len(batch.pixels), t.data.frame, t.graph.input.output)
        labels = t.task.labels(batch, choices, t.prepare, readers)
        yield t.prepare(batch.pixels, choices), to_device(labels, t.config.device)
