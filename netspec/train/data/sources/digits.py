"""The 1,797 handwritten digits that come with scikit-learn: 8x8 pixels, values 0 to 16, ten classes.

Every fifth digit (at index 4, 9, 14, ... in scikit-learn's order) is held out for validation, which leaves 1,438 for
training and 359 for validation. ``digits[9]`` is ``load_digits().images[9]``. Source: E. Alpaydin & C. Kaynak, Optical
recognition of handwritten digits, UCI repository (the test set).

With masks, the ink of a digit, which are the pixels of at least half of the greatest value, has the digit's class, one
more than the digit, and all other pixels have class 0, the background.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netspec.train.data.splits import Data, Frame, InMemorySplit, Labels, Pixels
from netspec.train.errors import TrainError

FRAME = Frame(1, 8, 8)
PEAK = 16
HOLD_OUT = 5

FILE = Path("datasets", "data", "digits.csv.gz")
"""The path of the digits in scikit-learn's folder."""


INK = PEAK // 2
"""The least value of a pixel that is ink."""


def open_digits(*, masks: bool = False) -> Data:
    """Open the digits, with masks or with a class for each. Raises ``TrainError`` if scikit-learn is not installed."""
    rows = _rows()
    pixels = rows[:, :-1].reshape(-1, 1, 8, 8).astype(np.uint8)
    numbers = rows[:, -1].astype(np.int64)
    classes: tuple[str, ...] = tuple("0123456789")
    if masks:
        classes = ("background", *classes)
        pixels = np.concatenate([pixels, _masks(pixels, numbers)], axis=1)
        numbers = np.zeros_like(numbers)
    held_out = np.arange(len(numbers)) % HOLD_OUT == HOLD_OUT - 1

    def part(chosen: NDArray[np.bool_]) -> InMemorySplit:
        (places,) = chosen.nonzero()
        return InMemorySplit(pixels[places], numbers[places], lambda index: f"digits[{places[index]}]")

    return Data(
        source="digits",
        classes=classes,
        frame=FRAME,
        train=part(~held_out),
        validation=part(held_out),
        peak=PEAK,
        masks=masks,
    )


def _masks(pixels: Pixels, numbers: Labels) -> Pixels:
    """Return the masks of digits, in the shape of the images, (N, 1, 8, 8)."""
    return np.where(pixels >= INK, 1 + numbers[:, None, None, None], 0).astype(np.uint8)


def _rows() -> NDArray[np.float64]:
    """Return a row for each digit: its 64 pixels and its class.

    The file is read directly, because importing scikit-learn takes nearly as long as importing torch.
    """
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise TrainError(
            "the digits are part of scikit-learn, which is not installed", "pip install 'netspec-compiler[digits]'"
        )
    file = Path(spec.origin).parent / FILE
    if file.is_file():
        return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits  # in case a release keeps the file elsewhere

    return np.column_stack(load_digits(return_X_y=True))
