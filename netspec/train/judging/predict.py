"""What a trained network takes single images for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from netspec.train.data.picture import Frame, Pixels, Unreadable
from netspec.train.data.source import stored_frame
from netspec.train.data.sources.decode import PEAK, read_image
from netspec.train.errors import TrainError
from netspec.train.judging.views import Predictor, protocol, views
from netspec.train.runs.saved import Saved

FIRST = 5


@dataclass(frozen=True, slots=True)
class Guess:
    """One class that an image may be of: its number, name and predicted share (0 to 1)."""

    number: int
    name: str
    share: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """An image's likeliest classes, the likeliest first; or the reason why it cannot be read."""

    image: Path
    guesses: tuple[Guess, ...] = ()
    unreadable: str | None = None


class Guesser:
    """A run that looks at image files.

    Parameters
    ----------
    views_wanted:
        ``None``: those of the spec's ``test`` line.

    Raises
    ------
    TrainError
        The network reads no images, or images with other channels than files have.
    """

    def __init__(self, run: Saved, views_wanted: Literal[1, 10] | None, device: str) -> None:
        self._run = run
        self.frame = frame_of(run)
        number = views_wanted or run.graph.test.views
        looks = views(number, self.frame, run.graph.input.output)
        self.protocol = protocol(number, len(looks))
        preparation = run.preparation(self.frame, PEAK, device)
        self._predictor = Predictor(run.objective(device), preparation, looks, run.seed)

    def __call__(self, image: Path) -> Prediction:
        """The five likeliest classes, or fewer where there are fewer.

        Raises
        ------
        TrainError
            The network's scores are no numbers.
        """
        try:
            pixels = picture(image, self.frame)
        except Unreadable as problem:
            return Prediction(image, unreadable=problem.reason)
        shares = self._predictor(pixels[None])[0].exp()
        if bool(shares.isnan().any()):
            raise TrainError(f"the class scores of {image} are no numbers", "the run's weights have diverged")
        best = shares.argsort(descending=True, stable=True)[:FIRST].tolist()
        return Prediction(image, tuple(Guess(k, self._run.classes[k], float(shares[k])) for k in best))


def frame_of(run: Saved) -> Frame:
    """The size at which a run's network wants images kept. Raises ``TrainError`` where no file has its channels."""
    frame = stored_frame(run.graph)
    if frame.channels not in (1, 3):
        raise TrainError(f"image files have 1 or 3 channels, {run.graph.name} reads {frame.channels}")
    return frame


def picture(image: Path, frame: Frame) -> Pixels:
    """One file's pixels. Raises ``Unreadable``, for a folder too."""
    if image.is_dir():
        raise Unreadable(str(image), f"a folder; name the images in it: {image / '*'}")
    if not image.exists():
        raise Unreadable(str(image), "there is no such file")
    return read_image(image, frame)


def failed(predictions: Sequence[Prediction]) -> int:
    """How many images could not be read."""
    return sum(one.unreadable is not None for one in predictions)
