"""Predicting the classes of single images with a trained network."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from netspec.ir.settings import Views
from netspec.train.data.source import stored_frame
from netspec.train.data.sources.decode import PEAK, cover, decoded_side, read_error, require_channels, upright
from netspec.train.data.splits import Frame, Pixels, Unreadable
from netspec.train.errors import TrainError
from netspec.train.evaluation.views import Predictor, protocol, views, views_of_images
from netspec.train.runs.saved import Saved

MAX_GUESSES = 5

STDIN = Path("-")
"""The image that is read from standard input."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A predicted class: its number, name and probability, or share of an image's pixels (0 to 1)."""

    number: int
    name: str
    share: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The most probable classes of an image in descending order, or the reason why it cannot be read.

    ``opened``: there is such a file, whatever is in it. ``mask`` is the class of each pixel, (height, width) of the
    image, which is its ``size``, if the network is dense; the ``share`` of a guess is then that of the pixels.
    """

    image: Path
    guesses: tuple[Guess, ...] = ()
    unreadable: str | None = None
    opened: bool = True
    mask: Pixels | None = None
    size: tuple[int, int] | None = None

    @classmethod
    def without(cls, image: Path, problem: Unreadable) -> Prediction:
        """Return the prediction of an image that cannot be read."""
        return cls(image, unreadable=problem.reason, opened=not isinstance(problem, Unopened))


class Unopened(Unreadable):
    """There is no file of this name."""


class Classifier:
    """A trained network that predicts the classes of image files.

    Parameters
    ----------
    views_wanted:
        The number of views; ``None`` for that of the spec's ``test`` line.

    Raises
    ------
    TrainError
        The network does not read images with 1 or 3 channels, or is to see all of an image.
    """

    gives_masks = False

    def __init__(self, run: Saved, views_wanted: Views | None, device: str) -> None:
        self._run = run
        self.frame = frame_of(run)
        count = views_of_images(views_wanted, run.graph)
        chosen_views = views(count, self.frame, run.graph.input.output)
        self.protocol = protocol(count, len(chosen_views))
        preparation = run.preparation(self.frame, PEAK, device)
        self._predictor = Predictor(run.objective(device), preparation, chosen_views, run.seed)

    def __call__(self, image: Path) -> Prediction:
        """Predict the five most probable classes of an image file (fewer if the network has fewer).

        Raises
        ------
        TrainError
            The network's scores are NaN.
        """
        try:
            pixels = load_image(image, self.frame)
        except Unreadable as problem:
            return Prediction.without(image, problem)
        shares = self._predictor(pixels[None])[0].exp()
        if bool(shares.isnan().any()):
            raise TrainError(f"the class scores of {image} are not numbers (NaN)", "the run's weights have diverged")
        best = shares.argsort(descending=True, stable=True)[:MAX_GUESSES].tolist()
        return Prediction(image, tuple(Guess(k, self._run.classes[k], float(shares[k])) for k in best))


def frame_of(run: Saved) -> Frame:
    """Return the stored image size of a run's network. Raises ``TrainError`` unless it has 1 or 3 channels."""
    frame = stored_frame(run.graph)
    require_channels(frame, run.graph.name)
    return frame


def load_image(image: Path, frame: Frame) -> Pixels:
    """Read the pixels of an image file, or of standard input for ``-``. Raises ``Unreadable`` and ``Unopened``."""
    decoded = upright(open_image(image), str(image), frame.channels, decoded_side(frame))
    return cover(decoded, frame, str(image))


def open_image(image: Path) -> BytesIO:
    """Return the content of an image file, or of standard input for ``-``. Raises ``Unreadable`` and ``Unopened``."""
    if image == STDIN:
        return BytesIO(sys.stdin.buffer.read())
    if image.is_dir():
        raise Unopened(str(image), f"a folder; name the images in it: {image / '*'}")
    if not image.exists():
        raise Unopened(str(image), "there is no such file")
    try:
        return BytesIO(image.read_bytes())
    except OSError as problem:
        raise Unreadable(str(image), read_error(problem)) from problem
