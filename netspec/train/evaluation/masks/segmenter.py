"""Predicting the masks of whole images with a trained dense network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from netspec.formatting import listed
from netspec.ir.settings import Views
from netspec.train.data.sources.decode import PEAK, decoded_side, displayed_size, upright
from netspec.train.data.splits import Unreadable
from netspec.train.errors import TrainError
from netspec.train.evaluation.masks.scorer import WHOLE, Scorer, best, scaled_whole, strips
from netspec.train.evaluation.predict import MAX_GUESSES, Guess, Prediction, frame_of, open_image
from netspec.train.evaluation.views import views_of_masks
from netspec.train.runs.saved import Saved


class Segmenter:
    """A trained dense network that predicts the masks of image files, of the images' own sizes (see ``scorer``).

    Parameters
    ----------
    views_wanted:
        The views of an image; ``None`` for those of the spec's ``test`` line. It is always seen whole.

    Raises
    ------
    TrainError
        There are to be ten views, the network does not read images with 1 or 3 channels, or it is not known where
        its scores stand.
    """

    gives_masks = True
    protocol = WHOLE

    def __init__(self, run: Saved, views_wanted: Views | None, device: str) -> None:
        views_of_masks(views_wanted, run.graph)
        self._run = run
        self._network = Scorer(run, frame_of(run), PEAK, run.graph.train.batch, device)

    def __call__(self, image: Path) -> Prediction:
        """Predict the mask of an image file, and the classes with the most pixels.

        Raises
        ------
        TrainError
            The network's scores are NaN.
        """
        name, frame = str(image), self._network.frame
        try:
            file = open_image(image)
            whole = upright(file, name, frame.channels, decoded_side(frame))
            file.seek(0)
            size = displayed_size(file, name)
            pixels = scaled_whole(whole, frame, name)
        except Unreadable as problem:
            return Prediction.without(image, problem)
        mask = np.empty(size, np.uint8)
        for rows, predicted in strips([self._network.scores(pixels, name)], size):
            mask[rows] = best(predicted).byte().cpu().numpy()
        counts = np.bincount(mask.ravel(), minlength=len(self._run.classes))
        most = np.argsort(-counts, kind="stable")[:MAX_GUESSES].tolist()
        guesses = [Guess(k, self._run.classes[k], int(counts[k]) / mask.size) for k in most if counts[k]]
        return Prediction(image, tuple(guesses), mask=mask, size=size)


def mask_names(images: Sequence[Path]) -> list[str]:
    """Return the file name of each image's mask. Raises ``TrainError`` if two images would have the same."""
    names = [f"{image.stem if image.name != '-' else 'stdin'}.png" for image in images]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TrainError(
            f"several images would have a mask of the same name: {listed(twice, 5)}", "predict them into other folders"
        )
    return names
