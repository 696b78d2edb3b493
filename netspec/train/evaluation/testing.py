"""Testing a trained network, or the average of several, on a data source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from netspec.formatting import format_count
from netspec.ir.settings import Views
from netspec.train.counter_rng import Indices
from netspec.train.data.batches.loader import Loader
from netspec.train.data.batches.transfer import buffers_for
from netspec.train.data.source import open_source
from netspec.train.data.splits import Data, Labels, Split, Unreadable
from netspec.train.errors import TrainError
from netspec.train.evaluation.mistakes import Mistakes
from netspec.train.evaluation.outcome import Outcome, RunningTotals, SplitName
from netspec.train.evaluation.views import Predictor, mean_of, views, views_of_images
from netspec.train.learning.heap import memory_kept
from netspec.train.reporting.progress import Counter
from netspec.train.runs.saved import Saved

Part = Literal["validation", "train"]
"""A part of a source."""

CHUNK = 4096
"""The number of images whose predictions are held in memory until all networks have seen them."""


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """The settings of a test.

    ``source`` and ``split`` are the values of ``--data`` and ``--split``. Each image is seen in 1 or 10 ``views``, or
    whole; ``None`` for those in each network's own ``test`` line. The networks process ``batch`` images, or at most so
    many crops of whole ones, at a time on ``device``; ``workers`` threads read them.
    """

    source: str
    split: SplitName
    views: Views | None
    batch: int
    device: str
    workers: int


@dataclass(frozen=True, slots=True)
class _OpenSource:
    """The source opened with one stored image size, and the networks that use this size."""

    data: Data
    predictors: tuple[Predictor, ...]


def run_test(
    runs: Sequence[Saved],
    settings: EvaluationSettings,
    *,
    note: Callable[[str], None],
    warn: Callable[[str], None],
    met: Callable[[Unreadable], None],
    quiet: bool = False,
) -> Outcome:
    """Test networks on a source.

    Parameters
    ----------
    runs:
        At least one. All must have the same classes; each prepares the images in its own way.
    note, warn, met:
        Called with each note, each warning, and each unreadable image.
    quiet:
        Show no progress on standard error.

    Raises
    ------
    TrainError
        Networks, classes and data do not match, there is nothing to test on, or a network's scores are NaN.
    """
    classes = require_same_classes(runs)
    view_counts = [views_of_images(settings.views, run.graph) for run in runs]
    sources, distinct = _open(runs, settings, view_counts)
    data = sources[0].data
    splits, total = tested_splits(data, settings.split, runs[0], note, warn)
    mistakes = Mistakes([split_of(data, name) for name in splits], data.peak)
    totals, done = RunningTotals(len(classes)), 0
    with (
        memory_kept(settings.device == "cpu"),
        Loader(settings.workers, met, buffers_for(settings.device)) as loader,
        Counter("testing", total, quiet=quiet) as bar,
    ):
        for number, name in enumerate(splits):
            for labels, predicted in _predictions(sources, name, loader, settings.batch):
                require_no_nan(predicted, runs)
                totals.add(labels.classes, predicted)
                mistakes.add(number, labels.indices, labels.classes, predicted)
                done += labels.drawn
                bar.update(done)
    require_read(totals.used, total, data)
    return Outcome(
        source=data.source,
        split=settings.split,
        classes=classes,
        images=total,
        used=totals.used,
        unreadable=total - totals.used,
        loss=totals.loss / totals.used,
        confusion=totals.confusion,
        five=totals.five,
        views=tuple(view_counts),
        distinct=distinct,
        mistakes=mistakes,
    )


def require_same_classes(runs: Sequence[Saved]) -> tuple[str, ...]:
    """Return the classes of the runs. Raises ``TrainError`` if the runs have different classes, or some of them give
    images a class and others pixels."""
    first, *others = runs
    for other in others:
        if other.graph.is_dense != first.graph.is_dense:
            raise TrainError(f"one of {first.name} and {other.name} gives each image a class, the other each pixel")
    for other in others:
        if other.classes != first.classes:
            raise TrainError(
                f"{first.name} and {other.name} do not have the same classes: their predictions cannot be averaged",
                _difference(first.classes, other.classes, first.name, other.name),
            )
    return first.classes


def require_known_classes(classes: tuple[str, ...], data: Data, run: Saved, warn: Callable[[str], None]) -> None:
    """Check that the class numbers of the data mean the same as those of the network.

    If no class name is in both, the classes are assumed to correspond in order, with a warning.

    Raises
    ------
    TrainError
        Some class names are in both, but the lists differ.
    """
    if data.classes == classes:
        return
    difference = _difference(classes, data.classes, run.name, data.source)
    if set(classes) & set(data.classes):
        raise TrainError(f"the classes of {data.source} are not those that {run.name} was trained on", difference)
    warn(f"{data.source} has other names for the classes; they are taken in their order: {difference}")


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


def tested_splits(
    data: Data, split: SplitName, run: Saved, note: Callable[[str], None], warn: Callable[[str], None]
) -> tuple[tuple[Part, ...], int]:
    """Print the notes of a source, and check its classes with those of a network (see ``require_known_classes``).
    Return the parts of it that are tested, and how many images they have. Raises ``TrainError`` if there are none."""
    for line in data.notes:
        note(line)
    require_known_classes(run.classes, data, run, warn)
    if data.validation is None and split == "validation":
        raise TrainError(f"{data.source} has no validation images", "--split train or --split all tests on the others")
    names: tuple[Part, ...] = (split,) if split != "all" else ("train", "validation")
    if data.validation is None:
        names = ("train",)
    total = sum(len(split_of(data, name).labels) for name in names)
    if not total:
        raise TrainError(f"{data.source} has no images in its {split} split")
    return names, total


def split_of(data: Data, name: Part) -> Split:
    """Return a part of a source that exists."""
    split = data.train if name == "train" else data.validation
    assert split is not None  # checked by tested_splits
    return split


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


def require_read(used: int, total: int, data: Data) -> None:
    """Raise ``TrainError`` if none of the images of a test could be read."""
    if not used:
        raise TrainError(f"none of the {format_count(total)} images of {data.source} can be read")


def require_no_nan(predicted: torch.Tensor, runs: Sequence[Saved]) -> None:
    """Raise ``TrainError`` if what the runs predict for images, (N, classes, ...), are not numbers."""
    wrong = int(predicted.isnan().flatten(1).any(dim=1).sum())
    if wrong:
        raise TrainError(
            f"the class scores of {format_count(wrong)} images are not numbers (NaN)",
            f"the weights of {', '.join(run.name for run in runs)} have diverged, or the images are in another range",
        )


def _difference(first: tuple[str, ...], second: tuple[str, ...], first_name: str, second_name: str) -> str:
    if len(first) != len(second):
        return f"{first_name} has {format_count(len(first))}, {second_name} {format_count(len(second))}"
    number = next(number for number, (a, b) in enumerate(zip(first, second, strict=True)) if a != b)
    return f"class {number} of {first_name} is {first[number]!r}, of {second_name} {second[number]!r}"
