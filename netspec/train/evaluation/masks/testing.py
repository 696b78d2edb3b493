"""Testing a trained dense network, or the average of several, on the masks of a data source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, Protocol

from netspec.formatting import format_count
from netspec.train.data.splits import Data, Unreadable
from netspec.train.errors import TrainError
from netspec.train.evaluation.masks.centres import CentreTest
from netspec.train.evaluation.masks.outcome import PixelOutcome
from netspec.train.evaluation.masks.totals import Totals
from netspec.train.evaluation.masks.whole_images import WholeTest
from netspec.train.evaluation.testing import (
    EvaluationSettings,
    Part,
    require_read,
    require_same_classes,
    split_of,
    tested_splits,
)
from netspec.train.evaluation.views import views_of_masks
from netspec.train.learning.heap import memory_kept
from netspec.train.learning.pixels import pixel_evaluation
from netspec.train.reporting.progress import Counter
from netspec.train.runs.saved import Saved


class MaskTest(Protocol):
    """Networks that are tested on the images of a source, ``data``. ``protocol`` says what they see of each."""

    data: Data

    @property
    def protocol(self) -> str: ...

    def count(
        self, part: Part, totals: Totals, met: Callable[[Unreadable], None], progress: Callable[[int], None]
    ) -> None:
        """Count the images of a part. Calls ``met`` with each unreadable one, and ``progress`` with the number of
        images seen so far. Raises ``TrainError`` if the scores of an image are NaN."""
        ...


def run_mask_test(
    runs: Sequence[Saved],
    settings: EvaluationSettings,
    *,
    note: Callable[[str], None],
    warn: Callable[[str], None],
    met: Callable[[Unreadable], None],
    quiet: bool = False,
) -> PixelOutcome:
    """Test dense networks on a source, on the centre crop of each image or on all of it: see ``run_test``.

    Raises
    ------
    TrainError
        Networks, classes and data do not match, there is nothing to test on, the networks are not to see the same part
        of an image, or several views of it, or a network's scores are NaN.
    """
    classes = require_same_classes(runs)
    kind: type[CentreTest | WholeTest] = WholeTest if _view(runs, settings) == "whole" else CentreTest
    test: MaskTest = kind(runs, settings)
    data = test.data
    parts, total = tested_splits(data, settings.split, runs[0], note, warn)
    totals, done = Totals(len(classes)), 0
    with memory_kept(settings.device == "cpu"), Counter("testing", total, quiet=quiet) as bar:
        for part in parts:
            test.count(part, totals, met, partial(_show, bar, done))
            done += len(split_of(data, part).labels)
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
        view=test.protocol,
        results=tuple(totals.results),
        worst=totals.worst.sorted(),
        peak=data.peak,
    )


def _show(bar: Counter, before: int, seen: int) -> None:
    bar.update(before + seen)


def _view(runs: Sequence[Saved], settings: EvaluationSettings) -> Literal[1, "whole"]:
    """Return what the networks see of an image. Raises ``TrainError`` if they do not see the same part."""
    first, *others = (views_of_masks(settings.views, run.graph) for run in runs)
    for view, run in zip(others, runs[1:], strict=True):
        if view != first:
            raise TrainError(
                f"the spec of {runs[0].name} says test views={first}, that of {run.name} test views={view}",
                "--views whole or --views 1 overrides both",
            )
    return first
