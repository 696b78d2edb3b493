"""Testing networks that give each image a class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from netspec.train.counter_rng import Indices
from netspec.train.data.batches.loader import Loader
from netspec.train.data.batches.transfer import buffers_for
from netspec.train.data.source import open_source
from netspec.train.data.splits import Data, Labels, Unreadable
from netspec.train.errors import TrainError
from netspec.train.evaluation.mistakes import Mistakes
from netspec.train.evaluation.outcome import Outcome, RunningTotals
from netspec.train.evaluation.tested import EvaluationSettings, Part, require_no_nan, split_of
from netspec.train.evaluation.views import Predictor, mean_of, views, views_of_images
from netspec.train.runs.saved import Saved

CHUNK = 4096
"""The number of images whose predictions are held in memory until all networks have seen them."""


class ImageTest:
    """Networks that see images through views, and give each a class: see ``testing.Test``.

    Raises
    ------
    TrainError
        The source does not fit the networks, or they are to see images whole.
    """

    def __init__(self, runs: Sequence[Saved], settings: EvaluationSettings) -> None:
        self._runs, self._settings = runs, settings
        self._view_counts = [views_of_images(settings.views, run.graph) for run in runs]
        self._sources, self._distinct = _open(runs, settings, self._view_counts)
        self.data = self._sources[0].data
        splits = [split for split in (self.data.train, self.data.validation) if split is not None]
        self._mistakes = Mistakes(splits, self.data.peak)
        self._totals = RunningTotals(len(runs[0].classes))

    @property
    def used(self) -> int:
        return self._totals.used

    def count(self, part: Part, met: Callable[[Unreadable], None], progress: Callable[[int], None]) -> None:
        """See ``testing.Test``."""
        settings, done, split = self._settings, 0, int(part == "validation")
        with Loader(settings.workers, met, buffers_for(settings.device)) as loader:
            for labels, predicted in _predictions(self._sources, part, loader, settings.batch):
                require_no_nan(predicted, self._runs)
                self._totals.add(labels.classes, predicted)
                self._mistakes.add(split, labels.indices, labels.classes, predicted)
                done += labels.drawn
                progress(done)

    def outcome(self, images: int) -> Outcome:
        """See ``testing.Test``."""
        totals = self._totals
        return Outcome(
            source=self.data.source,
            split=self._settings.split,
            classes=self._runs[0].classes,
            images=images,
            used=totals.used,
            loss=totals.loss / totals.used,
            confusion=totals.confusion,
            five=totals.five,
            views=tuple(self._view_counts),
            distinct=self._distinct,
            mistakes=self._mistakes,
        )


@dataclass(frozen=True, slots=True)
class _OpenSource:
    """The source opened with one stored image size, and the networks that use this size."""

    data: Data
    predictors: tuple[Predictor, ...]


@dataclass(frozen=True, slots=True)
class _Labels:
    """The right classes of a chunk's readable images, their indices in the split, and the total number of images in
    the chunk."""

    classes: Labels
    indices: Indices
    drawn: int


def _open(
    runs: Sequence[Saved], settings: EvaluationSettings, view_counts: Sequence[int]
) -> tuple[list[_OpenSource], tuple[int, ...]]:
    """Open the source once for each stored image size that a network needs. ``view_counts`` has each network's number
    of views; the second result is how many of them are distinct."""
    by_frame: dict[Any, tuple[Data, list[Predictor]]] = {}
    distinct = []
    for run, view_count in zip(runs, view_counts, strict=True):
        data = open_source(settings.source, run.graph, runs[0].seed)
        data, predictors = by_frame.setdefault(data.frame, (data, []))
        chosen_views = views(view_count, data.frame, run.graph.input.output)
        preparation = run.preparation(data.frame, data.peak, settings.device)
        predictors.append(Predictor(run.objective(settings.device), preparation, chosen_views, run.seed))
        distinct.append(len(chosen_views))
    sources = [_OpenSource(data, tuple(predictors)) for data, predictors in by_frame.values()]
    return sources, tuple(distinct)


def _predictions(
    sources: Sequence[_OpenSource], name: Part, loader: Loader, batch: int
) -> Iterator[tuple[_Labels, torch.Tensor]]:
    """Yield the mean predictions of all networks, a chunk of images at a time. An image that any of the networks could
    not read is left out."""
    labels = split_of(sources[0].data, name).labels
    for source in sources[1:]:
        if not np.array_equal(split_of(source.data, name).labels, labels):
            raise TrainError(f"{source.data.source} has changed while it was being opened")
    step, tested = max(CHUNK, batch), [0] * len(sources)
    for start in range(0, len(labels), step):
        indices: Indices = np.arange(start, min(start + step, len(labels)))
        readable = np.ones(len(indices), np.bool_)
        predictions = []
        for index, source in enumerate(sources):
            readable_here, predicted = _predict(source, name, indices, loader, batch, tested[index])
            tested[index] += int(readable_here.sum())
            readable &= readable_here
            predictions += predicted
        mean = mean_of(predictions)[torch.from_numpy(readable)]
        yield _Labels(labels[indices][readable], indices[readable], len(indices)), mean


def _predict(
    source: _OpenSource, name: Part, indices: Indices, loader: Loader, batch: int, first: int
) -> tuple[NDArray[np.bool_], list[torch.Tensor]]:
    """Return which of some images are readable, and each network's predictions for them, (images, classes).
    ``first`` is the number of images tested before."""
    readable = np.zeros(len(indices), np.bool_)
    classes = len(source.data.classes)
    predictions = [torch.zeros(len(indices), classes, dtype=torch.float64) for _ in source.predictors]
    batches = loader.run(split_of(source.data, name), indices, batch, keep_partial=True)
    for images in batches:
        rows = images.indices - indices[0]
        for predicted, predictor in zip(predictions, source.predictors, strict=True):
            predicted[torch.from_numpy(rows)] = predictor(images.pixels, first + int(readable.sum()))
        readable[rows] = True
    batches.finish()
    return readable, predictions
