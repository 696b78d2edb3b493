"""Testing dense networks on whole images: each pixel of a mask counts once, in the mask's own size.

This is how Pascal VOC's benchmark counts (Everingham et al. 2015, section 4.1), and how mmsegmentation tests (it
resizes the scores to the size of the image file). torchvision's references scale the mask to the size of the scores.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch

from netspec.train.data.cut import Cut, nearest
from netspec.train.data.drawn import WholeMasks
from netspec.train.data.source import open_source
from netspec.train.data.sources.decode import decoded_side
from netspec.train.data.splits import Data, Frame, Pixels, Split, Unreadable
from netspec.train.errors import TrainError
from netspec.train.evaluation.masks.outcome import Drawn
from netspec.train.evaluation.masks.scorer import WHOLE, Scorer, best, scaled_whole, strips
from netspec.train.evaluation.masks.totals import Totals
from netspec.train.evaluation.tested import EvaluationSettings, Part, split_of
from netspec.train.learning.pixels import confusion_of
from netspec.train.runs.saved import Saved

AHEAD = 2
"""The number of images that are read while the networks see another one: there may be large ones among them."""


class WholeTest:
    """Networks that are tested on all of the images of a source, ``data``. ``protocol`` says so. They may read images
    in different sizes.

    Image files are scaled for each network as they are for training, but not cropped. Of sources that keep images
    decoded, such as packs, all of what they keep is seen.

    Raises
    ------
    TrainError
        The source does not fit the networks, or it is not known where their scores stand.
    """

    def __init__(self, runs: Sequence[Saved], settings: EvaluationSettings) -> None:
        self._settings = settings
        sources: dict[Frame, Data] = {}
        scorers = []
        for run in runs:
            data = open_source(settings.source, run.graph, runs[0].seed)
            data = sources.setdefault(data.frame, data)
            scorers.append(Scorer(run, data.frame, data.peak, settings.batch, settings.device))
        self._sources, self._scorers = sources, tuple(scorers)
        self.data = next(iter(sources.values()))
        whole = isinstance(self.data.train, WholeMasks)
        self.protocol = WHOLE if whole else f"{WHOLE}, as stored: {self.data.frame}"

    def count(
        self, part: Part, totals: Totals, met: Callable[[Unreadable], None], progress: Callable[[int], None]
    ) -> None:
        """Count the images of a part, in ``totals``. Calls ``met`` with each unreadable one, and ``progress`` with the
        number of images seen so far. Raises ``TrainError`` if the scores of an image are NaN."""
        splits = {frame: split_of(data, part) for frame, data in self._sources.items()}
        first, *others = splits.values()
        if any(len(split.labels) != len(first.labels) for split in others):
            raise TrainError(f"{self.data.source} has changed while it was being opened")
        for index, outcome in enumerate(_ahead(splits, len(first.labels), self._settings.workers)):
            if isinstance(outcome, Unreadable):
                met(outcome)
            else:
                self._count(outcome, first.name(index), totals)
            progress(index + 1)

    def _count(self, whole: _Whole, name: str, totals: Totals) -> None:
        """Count an image."""
        scores = [scorer.scores(whole.images[scorer.frame], name) for scorer in self._scorers]
        size = whole.mask.shape[0], whole.mask.shape[1]
        labels, answers = torch.tensor(whole.mask, device=scores[0].device), np.empty(size, np.uint8)
        confusion = np.zeros_like(totals.confusion)
        for rows, predicted in strips(scores, size):
            got = best(predicted)
            totals.add_losses(predicted, labels[rows])
            confusion += confusion_of(got, labels[rows], len(confusion)).cpu().numpy()
            answers[rows] = got.byte().cpu().numpy()
        result = totals.add_image(name, confusion)
        if result is not None:
            image = whole.images[self.data.frame]
            masks = (nearest(mask, Cut(0, 0, *size), size, image.shape[1:]) for mask in (whole.mask, answers))
            totals.worst.add(Drawn(result, image, *masks))


class _Whole(NamedTuple):
    """An image, (channels, height, width), as it is read for each stored size, and its mask, (height, width)."""

    images: dict[Frame, Pixels]
    mask: Pixels


def _read(splits: dict[Frame, Split], index: int) -> _Whole | Unreadable:
    """Read an image and its mask."""
    try:
        images = {frame: _planes(split, frame, index) for frame, split in splits.items()}
        frame, first = next(iter(splits.items()))
        mask = first.mask(index) if isinstance(first, WholeMasks) else images[frame][-1]
        return _Whole({frame: planes[: frame.channels] for frame, planes in images.items()}, mask)
    except Unreadable as problem:
        return Unreadable(problem.path, problem.reason)  # a new one: tracebacks keep images alive


def _planes(split: Split, frame: Frame, index: int) -> Pixels:
    """Return all of an image, scaled to cover a frame if it is a file. Other images come with their masks."""
    if isinstance(split, WholeMasks):
        return scaled_whole(split.decode(index, decoded_side(frame)), frame, split.name(index))
    return split.read(index)


def _ahead(splits: dict[Frame, Split], count: int, workers: int) -> Iterator[_Whole | Unreadable]:
    """Yield the images and masks of a split in their order, which threads read ahead."""
    pending: deque[Future[_Whole | Unreadable]] = deque()
    with ThreadPoolExecutor(min(workers, AHEAD), thread_name_prefix="netspec-reader") as pool:
        try:
            for index in range(count):
                pending.append(pool.submit(_read, splits, index))
                if len(pending) > AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
