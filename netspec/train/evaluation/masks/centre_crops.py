"""Testing dense networks on the centre crop of each image, as validation does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from netspec.ir.shape import Shape
from netspec.passes.score_grid import ScoreGrid
from netspec.train.data.batches.augment import central
from netspec.train.data.batches.loader import Batch, Loader
from netspec.train.data.batches.masks import labels_of_masks
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.batches.transfer import buffers_for, to_device
from netspec.train.data.source import open_source
from netspec.train.data.splits import Data, Frame, Pixels, Unreadable
from netspec.train.errors import TrainError
from netspec.train.evaluation.masks.totals import Totals
from netspec.train.evaluation.tested import EvaluationSettings, Part, require_no_nan, split_of
from netspec.train.evaluation.views import log_probabilities, mean_of
from netspec.train.learning.objective import Objective
from netspec.train.learning.validation import PROTOCOL
from netspec.train.requirements import require_grid
from netspec.train.runs.saved import Saved


class CentreTest:
    """Networks that are tested on the centre crops of the images of a source, ``data``. ``protocol`` says so.

    Raises
    ------
    TrainError
        The source does not fit the networks, or their scores stand at different places.
    """

    protocol = PROTOCOL

    def __init__(self, runs: Sequence[Saved], settings: EvaluationSettings) -> None:
        self._runs, self._settings = runs, settings
        self.data, self._networks = _open(runs, settings)

    def count(
        self, part: Part, totals: Totals, met: Callable[[Unreadable], None], progress: Callable[[int], None]
    ) -> None:
        """Count the images of a part, in ``totals``. Calls ``met`` with each unreadable one, and ``progress`` with the
        number of images seen so far. Raises ``TrainError`` if the scores of an image are NaN."""
        split, settings = split_of(self.data, part), self._settings
        with Loader(settings.workers, met, buffers_for(settings.device)) as loader:
            batches = loader.run(split, np.arange(len(split.labels)), settings.batch, keep_partial=True)
            for batch in batches:
                predicted, labels = self._networks(batch, totals.images)
                require_no_nan(predicted, self._runs)
                names = [split.name(int(i)) for i in batch.indices]
                totals.add(predicted, labels, self._networks.seen(batch), names)
                progress(batches.tally.used + batches.tally.skipped)
            batches.finish()


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


class _Place(NamedTuple):
    """Which pixels get a class: those of a grid in the centre crop, as large as the input, of a stored image."""

    grid: ScoreGrid
    crop: Shape
    stored: Frame

    def __str__(self) -> str:
        return f"{self.grid}, of {self.crop}, in images of {self.stored}"


def _open(runs: Sequence[Saved], settings: EvaluationSettings) -> tuple[Data, _Networks]:
    first = runs[0]
    data = open_source(settings.source, first.graph, first.seed)
    grid = require_grid(first.graph)
    pixels = _Place(grid, first.graph.input.output, data.frame)
    for run in runs[1:]:
        frame = open_source(settings.source, run.graph, first.seed).frame
        others = _Place(require_grid(run.graph), run.graph.input.output, frame)
        if others != pixels:
            raise TrainError(
                f"{first.name} and {run.name} give other pixels of an image a class: their predictions cannot be "
                "averaged",
                f"{first.name}: {pixels}",
                f"{run.name}: {others}",
                "--views whole averages predictions for all pixels of each image",
            )
    networks = _Networks(
        tuple(run.objective(settings.device) for run in runs),
        tuple(run.preparation(data.frame, data.peak, settings.device) for run in runs),
        tuple(run.seed for run in runs),
        grid,
    )
    return data, networks
