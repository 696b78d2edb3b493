"""Testing a trained network, or the average of several, on a data source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from netspec.train.chance import Places
from netspec.train.data.batches.loader import Loader
from netspec.train.data.batches.transfer import buffers_for
from netspec.train.data.picture import Data, Split, Unreadable
from netspec.train.data.source import open_source
from netspec.train.errors import TrainError
from netspec.train.judging.outcome import Answers, Outcome, SplitName
from netspec.train.judging.views import Predictor, mean_of, views
from netspec.train.learning.heap import memory_kept
from netspec.train.reporting.progress import Counter
from netspec.train.runs.saved import Saved
from netspec.units import count

CHUNK = 4096
"""The number of images whose predictions are held in memory until all networks have seen them."""


@dataclass(frozen=True, slots=True)
class Question:
    """The settings of a test.

    ``source`` and ``split`` are the values of ``--data`` and ``--split``. Each image is seen in 1 or 10 ``views``;
    ``None`` for the number in each network's own ``test`` line. The networks process ``batch`` images at a time on
    ``device``; ``workers`` threads read them.
    """

    source: str
    split: SplitName
    views: Literal[1, 10] | None
    batch: int
    device: str
    workers: int


@dataclass(frozen=True, slots=True)
class _Reading:
    """The source opened with one stored image size, and the networks that use this size."""

    data: Data
    predictors: tuple[Predictor, ...]


def run_test(
    runs: Sequence[Saved],
    question: Question,
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
    classes = need_same_classes(runs)
    chosen = [question.views or run.graph.test.views for run in runs]
    readings, distinct = _open(runs, question, chosen)
    data = readings[0].data
    for line in data.notes:
        note(line)
    need_known_classes(classes, data, runs[0], warn)
    splits = _splits(data, question.split)
    total = sum(len(_split(data, name).labels) for name in splits)
    if not total:
        raise TrainError(f"{data.source} has no images in its {question.split} split")
    counted, done = Answers(len(classes)), 0
    with (
        memory_kept(question.device == "cpu"),
        Loader(question.workers, met, buffers_for(question.device)) as loader,
        Counter("testing", total, quiet=quiet) as bar,
    ):
        for name in splits:
            for labels, predicted in _predictions(readings, name, loader, question.batch):
                _need_numbers(predicted, runs)
                counted.add(labels.answers, predicted)
                done += labels.drawn
                bar.update(done)
    if not counted.used:
        raise TrainError(f"none of the {count(total)} images of {data.source} can be read")
    return Outcome(
        source=data.source,
        split=question.split,
        classes=classes,
        images=total,
        used=counted.used,
        unreadable=total - counted.used,
        loss=counted.loss / counted.used,
        confusion=counted.confusion,
        five=counted.five,
        views=tuple(chosen),
        distinct=distinct,
    )


def need_same_classes(runs: Sequence[Saved]) -> tuple[str, ...]:
    """Return the classes of the runs. Raises ``TrainError`` if the runs have different classes."""
    first, *others = runs
    for other in others:
        if other.classes != first.classes:
            raise TrainError(
                f"{first.name} and {other.name} do not have the same classes: their predictions cannot be averaged",
                _difference(first.classes, other.classes, first.name, other.name),
            )
    return first.classes


def need_known_classes(classes: tuple[str, ...], data: Data, run: Saved, warn: Callable[[str], None]) -> None:
    """Check that the class numbers of the data mean the same as those of the network.

    If no class name is in both, the classes are assumed to correspond in order, with a warning.

    Raises
    ------
    TrainError
        Some class names are in both, but the lists differ.
    """
    if data.classes == classes:
        return
    told = _difference(classes, data.classes, run.name, data.source)
    if set(classes) & set(data.classes):
        raise TrainError(f"the classes of {data.source} are not those that {run.name} was trained on", told)
    warn(f"{data.source} has other names for the classes; they are taken in their order: {told}")


@dataclass(frozen=True, slots=True)
class _Labels:
    """The right classes of a chunk's readable images, and the total number of images in the chunk."""

    answers: NDArray[np.int64]
    drawn: int


def _open(runs: Sequence[Saved], question: Question, chosen: Sequence[int]) -> tuple[list[_Reading], tuple[int, ...]]:
    """Open the source once for each stored image size that a network needs. ``chosen`` is each network's number of
    views; the second result is how many of them are distinct."""
    opened: dict[Any, tuple[Data, list[Predictor]]] = {}
    distinct = []
    for run, number in zip(runs, chosen, strict=True):
        data = open_source(question.source, run.graph, runs[0].seed)
        data, predictors = opened.setdefault(data.frame, (data, []))
        looks = views(number, data.frame, run.graph.input.output)
        preparation = run.preparation(data.frame, data.peak, question.device)
        predictors.append(Predictor(run.objective(question.device), preparation, looks, run.seed))
        distinct.append(len(looks))
    readings = [_Reading(data, tuple(predictors)) for data, predictors in opened.values()]
    return readings, tuple(distinct)


def _splits(data: Data, split: SplitName) -> tuple[Literal["validation", "train"], ...]:
    if data.validation is None and split == "validation":
        raise TrainError(f"{data.source} has no validation images", "--split train or --split all tests on the others")
    if split == "all":
        return ("train", "validation") if data.validation is not None else ("train",)
    return (split,)


def _split(data: Data, name: Literal["validation", "train"]) -> Split:
    found = data.train if name == "train" else data.validation
    assert found is not None  # checked by _splits
    return found


def _predictions(
    readings: Sequence[_Reading], name: Literal["validation", "train"], loader: Loader, batch: int
) -> Iterator[tuple[_Labels, torch.Tensor]]:
    """Yield the mean predictions of all networks, a chunk of images at a time. An image that any of the networks could
    not read is left out."""
    labels = _split(readings[0].data, name).labels
    for reading in readings[1:]:
        if not np.array_equal(_split(reading.data, name).labels, labels):
            raise TrainError(f"{reading.data.source} has changed while it was being opened")
    step, tested = max(CHUNK, batch), [0] * len(readings)
    for start in range(0, len(labels), step):
        places: Places = np.arange(start, min(start + step, len(labels)))
        readable = np.ones(len(places), np.bool_)
        found = []
        for number, reading in enumerate(readings):
            seen, answers = _look(reading, name, places, loader, batch, tested[number])
            tested[number] += int(seen.sum())
            readable &= seen
            found += answers
        mean = mean_of(found)[torch.from_numpy(readable)]
        yield _Labels(labels[places][readable], len(places)), mean


def _look(
    reading: _Reading, name: Literal["validation", "train"], places: Places, loader: Loader, batch: int, first: int
) -> tuple[NDArray[np.bool_], list[torch.Tensor]]:
    """Return which of some images are readable, and each network's predictions for them, (images, classes).
    ``first`` is the number of images tested before."""
    seen = np.zeros(len(places), np.bool_)
    classes = len(reading.data.classes)
    answers = [torch.zeros(len(places), classes, dtype=torch.float64) for _ in reading.predictors]
    passed = loader.run(_split(reading.data, name), places, batch, keep_partial=True)
    for pictures in passed:
        where = pictures.places - places[0]
        for answer, predictor in zip(answers, reading.predictors, strict=True):
            answer[torch.from_numpy(where)] = predictor(pictures.pictures, first + int(seen.sum()))
        seen[where] = True
    passed.finish()
    return seen, answers


def _need_numbers(predicted: torch.Tensor, runs: Sequence[Saved]) -> None:
    wrong = int(predicted.isnan().any(dim=1).sum())
    if wrong:
        raise TrainError(
            f"the class scores of {count(wrong)} images are no numbers",
            f"the weights of {', '.join(run.name for run in runs)} have diverged, or the images are in another range",
        )


def _difference(ours: tuple[str, ...], theirs: tuple[str, ...], us: str, them: str) -> str:
    if len(ours) != len(theirs):
        return f"{us} has {count(len(ours))}, {them} {count(len(theirs))}"
    place = next(number for number, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
    return f"class {place} of {us} is {ours[place]!r}, of {them} {theirs[place]!r}"
