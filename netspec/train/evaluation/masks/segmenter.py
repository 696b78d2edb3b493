"""Predicting the masks of whole images with a trained dense network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from netspec.formatting import listed
from netspec.ir.graph import Graph
from netspec.train.data.batches.augment import central
from netspec.train.data.cut import Cut, nearest
from netspec.train.data.sources.decode import PEAK, covering, decoded_side, displayed_size, planes_of, upright
from netspec.train.data.splits import Pixels, Unreadable
from netspec.train.errors import TrainError
from netspec.train.evaluation.masks.tiling import tiling
from netspec.train.evaluation.predict import MAX_GUESSES, Guess, Prediction, frame_of, open_image
from netspec.train.requirements import require_grid
from netspec.train.runs.saved import Saved

TILES = 4
"""The number of crops that a network sees at a time."""


class Segmenter:
    """A trained dense network that predicts the masks of image files.

    An image is scaled until it covers the stored size, as for training, and crops of the input's size cover all of it
    (see ``tiling``). Each of its own pixels then gets the class of the scaled image's pixel in which it lies.

    Parameters
    ----------
    views_wanted:
        The number of views; ``None`` for that of the spec's ``test`` line.

    Raises
    ------
    TrainError
        There are to be several views, the network does not read images with 1 or 3 channels, or it is not known where
        its scores stand.
    """

    gives_masks = True
    protocol = "each pixel in one crop"

    def __init__(self, run: Saved, views_wanted: Literal[1, 10] | None, device: str) -> None:
        require_one_view(views_wanted, run.graph)
        self._run = run
        self.frame = frame_of(run)
        self._grid = require_grid(run.graph)
        self._objective = run.objective(device)
        self._prepare = run.preparation(self.frame, PEAK, device).for_crops()

    def __call__(self, image: Path) -> Prediction:
        """Predict the mask of an image file, and the classes with the most pixels.

        Raises
        ------
        TrainError
            The network's scores are NaN.
        """
        name = str(image)
        try:
            file = open_image(image)
            whole = upright(file, name, self.frame.channels, decoded_side(self.frame))
            file.seek(0)
            size = displayed_size(file, name)
            scaled = covering(whole.height, whole.width, self.frame).scaled
            assert scaled is not None
            pixels = planes_of(whole, Cut(0, 0, *scaled, scaled), name)
        except Unreadable as problem:
            return Prediction.without(image, problem)
        mask = nearest(self.mask(pixels, name), Cut(0, 0, *size), size, size)
        counts = np.bincount(mask.ravel(), minlength=len(self._run.classes))
        most = np.argsort(-counts, kind="stable")[:MAX_GUESSES].tolist()
        guesses = [Guess(k, self._run.classes[k], int(counts[k]) / mask.size) for k in most if counts[k]]
        return Prediction(image, tuple(guesses), mask=mask, size=size)

    def mask(self, pixels: Pixels, name: str) -> Pixels:
        """Return the class of each pixel, (height, width), of an image of at least the stored size, uint8 (channels,
        height, width). Raises ``TrainError``, with the ``name`` of the image, if the scores are NaN."""
        size = self._run.graph.input.output
        tiles = tiling(pixels.shape[1], pixels.shape[2], size, self._grid)
        crops, scored = tiles.crops(pixels), []
        with torch.no_grad():
            for start in range(0, len(crops), TILES):
                some = crops[start : start + TILES]
                self._objective.set_evaluation_random_state(self._run.seed, start, len(some))
                scores = self._objective.scores(self._prepare(some, central(len(some), self._prepare.frame, size)))
                if bool(scores.isnan().any()):
                    raise TrainError(f"the class scores of {name} are not numbers (NaN)", "the run's weights diverged")
                scored.append(scores.argmax(dim=1).byte().cpu().numpy())
        return tiles.join(np.concatenate(scored))


def require_one_view(wanted: Literal[1, 10] | None, graph: Graph) -> None:
    """Raise ``TrainError`` if a dense network is to see several views of an image: as many as are ``wanted``, or, if
    that is ``None``, as its spec says."""
    views = wanted or graph.test.views
    if views != 1:
        raise TrainError(
            f"{views} views are for networks that give an image one class: the masks of crops do not lie on each other",
            "leave out --views" if wanted is not None else "the spec says test views=10; --views 1 overrides it",
        )


def mask_names(images: Sequence[Path]) -> list[str]:
    """Return the file name of each image's mask. Raises ``TrainError`` if two images would have the same."""
    names = [f"{image.stem if image.name != '-' else 'stdin'}.png" for image in images]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TrainError(
            f"several images would have a mask of the same name: {listed(twice, 5)}", "predict them into other folders"
        )
    return names
