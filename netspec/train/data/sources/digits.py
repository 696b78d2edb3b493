"""The 1,797 handwritten digits that come with scikit-learn: 8x8 pixels, values 0 to 16, ten classes.

Every fifth digit (places 4, 9, 14 ... of scikit-learn's order) is held out for validation: 359 of them, and 1,438 to
train on. Source: E. Alpaydin & C. Kaynak, Optical recognition of handwritten digits, UCI repository (its test part).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netspec.train.data.picture import Data, Frame, Held
from netspec.train.errors import TrainError

FRAME = Frame(1, 8, 8)
PEAK = 16
HOLD_OUT = 5

FILE = Path("datasets", "data", "digits.csv.gz")
"""Where scikit-learn's folder has them."""


def open_digits() -> Data:
    """The digits as they are. Raises ``TrainError`` where scikit-learn is not installed."""
    rows = _rows()
    pictures = rows[:, :-1].reshape(-1, 1, 8, 8).astype(np.uint8)
    numbers = rows[:, -1].astype(np.int64)
    held = np.arange(len(numbers)) % HOLD_OUT == HOLD_OUT - 1
    return Data(
        source="digits",
        classes=tuple("0123456789"),
        frame=FRAME,
        train=Held(pictures[~held], numbers[~held]),
        validation=Held(pictures[held], numbers[held]),
        peak=PEAK,
    )


def _rows() -> NDArray[np.float64]:
    """A row for each digit: its 64 pixels, and which it is.

    Their file is read where scikit-learn has it: to import scikit-learn for it takes nearly as long as to import torch.
    """
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        raise TrainError(
            "the digits come with scikit-learn, which is not installed", "pip install 'netspec-compiler[digits]'"
        )
    file = Path(found.origin).parent / FILE
    if file.is_file():
        return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits  # of a release that keeps the file elsewhere

    return np.column_stack(load_digits(return_X_y=True))
