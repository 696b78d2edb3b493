"""Testing dense networks, on the masks of a source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from netspec.formatting import format_count
from netspec.train.data.splits import Unreadable
from netspec.train.errors import TrainError
from netspec.train.evaluation.masks.centre_crops import CentreTest
from netspec.train.evaluation.masks.outcome import PixelOutcome
from netspec.train.evaluation.masks.totals import Totals
from netspec.train.evaluation.masks.whole_images import WholeTest
from netspec.train.evaluation.tested import EvaluationSettings, Part
from netspec.train.evaluation.views import views_of_masks
from netspec.train.learning.pixels import pixel_evaluation
from netspec.train.runs.saved import Saved


class PixelTest:
    """Networks that see the centre crop of each image, or all of it, and give each pixel a class: see ``testing.Test``.

    Raises
    ------
    TrainError
        The source does not fit the networks, or these are not to see the same part of an image, or several views of it.
    """

    def __init__(self, runs: Sequence[Saved], settings: EvaluationSettings) -> None:
        self._runs, self._settings = runs, settings
        whole = _view(runs, settings) == "whole"
        self._test = WholeTest(runs, settings) if whole else CentreTest(runs, settings)
        self.data = self._test.data
        self._totals = Totals(len(runs[0].classes))

    @property
    def used(self) -> int:
        return self._totals.images

    def count(self, part: Part, met: Callable[[Unreadable], None], progress: Callable[[int], None]) -> None:
        """See ``testing.Test``."""
        self._test.count(part, self._totals, met, progress)

    def outcome(self, images: int) -> PixelOutcome:
        """See ``testing.Test``. Raises ``TrainError`` if no pixel is labelled."""
        totals, classes = self._totals, self._runs[0].classes
        evaluation = pixel_evaluation(totals.confusion, totals.loss, totals.images, classes)
        if evaluation is None:
            source = self.data.source
            raise TrainError(f"none of the pixels of {format_count(totals.images)} images of {source} is labelled")
        return PixelOutcome(
            source=self.data.source,
            split=self._settings.split,
            classes=classes,
            images=images,
            used=totals.images,
            loss=evaluation.loss,
            confusion=totals.confusion,
            evaluation=evaluation,
            networks=len(self._runs),
            view=self._test.protocol,
            results=tuple(totals.results),
            worst=tuple(totals.worst.images),
            peak=self.data.peak,
        )


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
