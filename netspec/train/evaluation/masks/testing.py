"""Testing a trained dense network, or the average of several, on the masks of a data source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec.formatting import format_count
from netspec.passes.score_grid import UNLABELLED, ScoreGrid
from netspec.train.data.batches.augment import central
from netspec.train.data.batches.loader import Batch, Loader
from netspec.train.data.batches.masks import labels_of_masks
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.batches.transfer import buffers_for, to_device
from netspec.train.data.source import open_source
from netspec.train.data.splits import Data, Pixels, Unreadable
from netspec.train.errors import TrainError
from netspec.train.evaluation.masks.outcome import Drawn, ImageResult, PixelOutcome, Worst
from netspec.train.evaluation.masks.segmenter import require_one_view
from netspec.train.evaluation.testing import (
    EvaluationSettings,
    require_no_nan,
    require_read,
    require_same_classes,
    split_of,
    tested_splits,
)
from netspec.train.evaluation.views import log_probabilities, mean_of
from netspec.train.learning.heap import memory_kept
from netspec.train.learning.objective import Objective
from netspec.train.learning.pixels import confusion_of, intersection_over_union, mean_iou, pixel_evaluation
from netspec.train.reporting.progress import Counter
from netspec.train.requirements import require_grid
from netspec.train.runs.saved import Saved


def run_mask_test(
    runs: Sequence[Saved],
    settings: EvaluationSettings,
    *,
    note: Callable[[str], None],
    warn: Callable[[str], None],
    met: Callable[[Unreadable], None],
    quiet: bool = False,
) -> PixelOutcome:
    """Test dense networks on a source, in one view of each image: see ``run_test``.

    Raises
    ------
    TrainError
        Networks, classes and data do not match, the networks' scores stand at different places, there is nothing to
        test on, several views are asked for, or a network's scores are NaN.
    """
    classes = require_same_classes(runs)
    for run in runs:
        require_one_view(settings.views, run.graph)
    data, networks = _open(runs, settings)
    names, total = tested_splits(data, settings.split, runs[0], note, warn)
    totals = _Totals(len(classes))
    with (
        memory_kept(settings.device == "cpu"),
        Loader(settings.workers, met, buffers_for(settings.device)) as loader,
        Counter("testing", total, quiet=quiet) as bar,
    ):
        done = 0
        for name in names:
            split = split_of(data, name)
            batches = loader.run(split, np.arange(len(split.labels)), settings.batch, keep_partial=True)
            for batch in batches:
                predicted, labels = networks(batch, totals.images)
                require_no_nan(predicted, runs)
                totals.add(predicted, labels, networks.seen(batch), [split.name(int(i)) for i in batch.indices])
                bar.update(done + batches.tally.used + batches.tally.skipped)
            done += len(split.labels)
            batches.finish()
    require_read(totals.images, total, data)
    evaluation = pixel_evaluation(totals.confusion, totals.loss, totals.images, classes)
    if evaluation is None:
        raise TrainError(f"none of the pixels of {format_count(totals.images)} images of {data.source} is labelled")
    return PixelOutcome(
        source=data.source,
        split=settings.split,
        classes=classes,
        images=total,
        used=totals.images,
        unreadable=total - totals.images,
        loss=evaluation.loss,
        confusion=totals.confusion,
        evaluation=evaluation,
        networks=len(runs),
        results=tuple(totals.results),
        worst=totals.worst.sorted(),
        peak=data.peak,
    )


@dataclass(frozen=True, slots=True)
class _Networks:
    """The networks that are tested, which read crops of one size and whose scores stand at the same places, and how
    each of them prepares images; ``seeds`` are those of random choices outside training."""

    objectives: tuple[Objective, ...]
    preparations: tuple[Preparation, ...]
    seeds: tuple[int, ...]
    grid: ScoreGrid

    def __call__(self, batch: Batch, first: int) -> tuple[Tensor, Tensor]:
        """Return the log-probabilities of the classes, (N, classes, rows, columns), the mean over the networks, and the
        labels, (N, rows, columns), of a batch whose first image is number ``first`` of all tested images."""
        size, frame = self.preparations[0].size, self.preparations[0].frame
        choices = central(len(batch.pixels), frame, size)
        labels = labels_of_masks(batch.pixels[:, -1], choices, self.grid, size)
        predictions = []
        with torch.no_grad():
            for objective, prepare, seed in zip(self.objectives, self.preparations, self.seeds, strict=True):
                objective.set_evaluation_random_state(seed, first, len(labels))
                predictions.append(log_probabilities(objective, prepare(batch.pixels, choices)))
        return mean_of(predictions), to_device(labels, self.preparations[0].device)

    def seen(self, batch: Batch) -> Pixels:
        """Return the part of the images of a batch that the scores belong to, (N, channels, height, width)."""
        choices = central(1, self.preparations[0].frame, self.preparations[0].size)
        top, left = int(choices.top[0]), int(choices.left[0])
        rows, columns = self.grid.slices
        seen: Pixels = batch.pixels[
            :, :-1, top + rows.start : top + rows.stop, left + columns.start : left + columns.stop
        ]
        return seen


def _open(runs: Sequence[Saved], settings: EvaluationSettings) -> tuple[Data, _Networks]:
    first = runs[0]
    data = open_source(settings.source, first.graph, first.seed)
    grid = require_grid(first.graph)
    for run in runs[1:]:
        alike = (
            open_source(settings.source, run.graph, first.seed).frame == data.frame
            and run.graph.input.output == first.graph.input.output
            and require_grid(run.graph) == grid
        )
        if not alike:
            raise TrainError(
                f"{first.name} and {run.name} give other pixels of an image a class: their predictions cannot be "
                "averaged",
                f"{first.name}: {grid}, of {first.graph.input.output}; {run.name}: {require_grid(run.graph)}, of "
                f"{run.graph.input.output}",
            )
    networks = _Networks(
        tuple(run.objective(settings.device) for run in runs),
        tuple(run.preparation(data.frame, data.peak, settings.device) for run in runs),
        tuple(run.seed for run in runs),
        grid,
    )
    return data, networks


class _Totals:
    """What a test has counted so far: pixels by right and predicted class, the sum of their losses in nats, and the
    result of each image."""

    def __init__(self, classes: int) -> None:
        self.confusion: NDArray[np.int64] = np.zeros((classes, classes), np.int64)
        self.loss = 0.0
        self.images = 0
        self.results: list[ImageResult] = []
        self.worst = Worst()

    def add(self, predicted: Tensor, labels: Tensor, seen: Pixels, names: Sequence[str]) -> None:
        """Count some images, given the log-probabilities predicted, (N, classes, rows, columns), their labels, (N,
        rows, columns), the part of them that the scores belong to, and their names."""
        answers = predicted.argmax(dim=1)
        labelled = labels != UNLABELLED
        right = predicted.gather(1, torch.where(labelled, labels, 0).long()[:, None])[:, 0]
        self.loss -= float(right[labelled].sum())
        self.images += len(labels)
        masks, guesses = labels.cpu().numpy(), answers.byte().cpu().numpy()
        for number, name in enumerate(names):
            confusion = confusion_of(answers[number], labels[number], len(self.confusion)).cpu().numpy()
            self.confusion += confusion
            if not confusion.any():
                continue
            mean = mean_iou(intersection_over_union(confusion))
            result = ImageResult(name, int(confusion.sum()), int(confusion.trace()), mean)
            self.results.append(result)
            if self.worst.takes(result):
                self.worst.add(Drawn(result, seen[number].copy(), masks[number].copy(), guesses[number].copy()))
