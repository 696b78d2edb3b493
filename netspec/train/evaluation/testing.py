"""Testing a trained network, or the average of several, on a data source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from netspec.train.data.splits import Data, Unreadable
from netspec.train.evaluation.images import ImageTest
from netspec.train.evaluation.masks.outcome import PixelOutcome
from netspec.train.evaluation.masks.pixels import PixelTest
from netspec.train.evaluation.outcome import Outcome
from netspec.train.evaluation.tested import (
    EvaluationSettings,
    Part,
    require_read,
    require_same_classes,
    split_of,
    tested_parts,
)
from netspec.train.learning.heap import memory_kept
from netspec.train.reporting.progress import Counter
from netspec.train.runs.saved import Saved


class Test(Protocol):
    """Networks that are tested on a source, ``data``; ``used`` of its images have been counted."""

    data: Data

    @property
    def used(self) -> int: ...

    def count(self, part: Part, met: Callable[[Unreadable], None], progress: Callable[[int], None]) -> None:
        """Count the images of a part. Calls ``met`` with each unreadable one, and ``progress`` with the number of
        images seen so far. Raises ``TrainError`` if what the networks predict is NaN."""
        ...

    def outcome(self, images: int) -> Outcome | PixelOutcome:
        """Return what has been counted of all tested ``images``, at least one of which could be read."""
        ...


def run_test(
    runs: Sequence[Saved],
    settings: EvaluationSettings,
    *,
    note: Callable[[str], None],
    warn: Callable[[str], None],
    met: Callable[[Unreadable], None],
    quiet: bool = False,
) -> Outcome | PixelOutcome:
    """Test networks on a source.

    Parameters
    ----------
    runs:
        At least one. All must have the same classes, and give them all to images or all to pixels; each prepares the
        images in its own way.
    note, warn, met:
        Called with each note, each warning, and each unreadable image.
    quiet:
        Show no progress on standard error.

    Raises
    ------
    TrainError
        Networks, classes and data do not match, there is nothing to test on, dense networks are not to see the same
        part of an image, or a network's scores are NaN.
    """
    require_same_classes(runs)
    test: Test = PixelTest(runs, settings) if runs[0].graph.is_dense else ImageTest(runs, settings)
    parts, images = tested_parts(test.data, settings.split, runs[0], note, warn)
    with memory_kept(settings.device == "cpu"), Counter("testing", images, quiet=quiet) as bar:
        done = 0
        for part in parts:
            test.count(part, met, partial(_show, bar, done))
            done += len(split_of(test.data, part).labels)
    require_read(test.used, images, test.data)
    return test.outcome(images)


def _show(bar: Counter, before: int, seen: int) -> None:
    bar.update(before + seen)
