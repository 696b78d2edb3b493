"""Testing trained networks on a data source: one, or several whose predictions are averaged."""

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
"""Images whose predictions are held at a time, until every network has seen them."""


@dataclass(frozen=True, slots=True)
class Question:
    """What networks are tested on, and how.

    ``source`` and ``split`` are as ``--data`` and ``--split`` name them. Each image is looked at in 1 or 10 ``views``;
    ``None``: in as many as each network's own ``test`` line says. ``batch`` images at a time go through the networks
    on the ``device``, and ``workers`` threads read them.
    """

    source: str
    split: SplitName
    views: Literal[1, 10] | None
    batch: int
    device: str
    workers: int


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reading of the source, and the networks that look at its pictures."""

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
        At least one. All have the same classes; each reads and prepares pictures in its own way.
    note, warn, met:
        Told what is worth knowing, what is wrong and does not stop the test, and each unreadable image.
    quiet:
        Show no progress on standard error.

    Raises
    ------
    TrainError
        Networks, classes and data do not fit, there is nothing to test on, or a network's scores are no numbers.
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
    """The classes of runs that are to be averaged. Raises ``TrainError`` where they differ."""
    first, *others = runs
    for other in others:
        if other.classes != first.classes:
            raise TrainError(
                f"{first.name} and {other.name} do not have the same classes: their predictions cannot be averaged",
                _difference(first.classes, other.classes, first.name, other.name),
            )
    return first.classes


def need_known_classes(classes: tuple[str, ...], data: Data, run: Saved, warn: Callable[[str], None]) -> None:
    """Make sure that the data's class numbers mean what the network's do.

    Raises
    ------
    TrainError
        Some names are the same, and not all at the same places: the numbers mean other things.
    """
    if data.classes == classes:
        return
    told = _difference(classes, data.classes, run.name, data.source)
    if set(classes) & set(data.classes):
        raise TrainError(f"the classes of {data.source} are not those that {run.name} was trained on", told)
    warn(f"{data.source} has other names for the classes; they are taken in their order: {told}")


@dataclass(frozen=True, slots=True)
class _Labels:
    """The classes of a chunk's readable images, and how many images the chunk has."""

    answers: NDArray[np.int64]
    drawn: int


def _open(runs: Sequence[Saved], question: Question, chosen: Sequence[int]) -> tuple[list[_Reading], tuple[int, ...]]:
    """Open the source once for each size of stored pictures that a network asks for. ``chosen`` are each network's
    views; the second answer is how many of them are distinct."""
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
    assert found is not None  # _splits has seen to it
    return found


def _predictions(
    readings: Sequence[_Reading], name: Literal["validation", "train"], loader: Loader, batch: int
) -> Iterator[tuple[_Labels, torch.Tensor]]:
    """The mean predictions of all networks, a chunk of images at a time, those left out that one cannot read."""
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
    """Which of some images can be read, and what each network says of those: (images, classes) each. ``first`` have
    been tested before them."""
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
