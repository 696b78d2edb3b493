"""What a test of trained networks is made on, and what must be true of the networks and of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from netspec.formatting import format_count
from netspec.ir.settings import Views
from netspec.train.data.splits import Data, Split
from netspec.train.errors import TrainError
from netspec.train.runs.saved import Saved

SplitName = Literal["validation", "train", "all"]

Part = Literal["validation", "train"]
"""A part of a source."""


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


def require_same_classes(runs: Sequence[Saved]) -> None:
    """Raise ``TrainError`` if the runs have different classes, or some give images a class and others pixels."""
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


def _require_known_classes(data: Data, run: Saved, warn: Callable[[str], None]) -> None:
    """Check that the class numbers of the data mean the same as those of the network.

    If no class name is in both, the classes are assumed to correspond in order, with a warning.

    Raises
    ------
    TrainError
        Some class names are in both, but the lists differ.
    """
    if data.classes == run.classes:
        return
    difference = _difference(run.classes, data.classes, run.name, data.source)
    if set(run.classes) & set(data.classes):
        raise TrainError(f"the classes of {data.source} are not those that {run.name} was trained on", difference)
    warn(f"{data.source} has other names for the classes; they are taken in their order: {difference}")


def tested_parts(
    data: Data, split: SplitName, run: Saved, note: Callable[[str], None], warn: Callable[[str], None]
) -> tuple[tuple[Part, ...], int]:
    """Print the notes of a source, and check its classes with those of a network.
    Return the parts of it that are tested, and how many images they have. Raises ``TrainError`` if there are none."""
    for line in data.notes:
        note(line)
    _require_known_classes(data, run, warn)
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
    assert split is not None  # checked by tested_parts
    return split


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
