"""The 1,797 handwritten digits that come with scikit-learn: 8x8 pixels, values 0 to 16, ten classes.

Every fifth digit (places 4, 9, 14 ... of scikit-learn's order) is held out for validation: 359 of them, and 1,438 to
train on. Source: E. Alpaydin & C. Kaynak, Optical recognition of handwritten digits, UCI repository (its test part).
"""

from __future__ import annotations

import numpy as np

from netspec.train.data.picture import Data, Frame, Held
from netspec.train.errors import TrainError

FRAME = Frame(1, 8, 8)
PEAK = 16
HOLD_OUT = 5


def open_digits() -> Data:
    """The digits as they are. Raises ``TrainError`` where scikit-learn is not installed."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as missing:
        raise TrainError(
            "the digits come with scikit-learn, which is not installed", "pip install 'netspec-compiler[digits]'"
        ) from missing
    pixels, labels = load_digits(return_X_y=True)
    pictures = pixels.reshape(-1, 1, 8, 8).astype(np.uint8)
    numbers = labels.astype(np.int64)
    held = np.arange(len(numbers)) % HOLD_OUT == HOLD_OUT - 1
    return Data(
        source="digits",
        classes=tuple("0123456789"),
        frame=FRAME,
        train=Held(pictures[~held], numbers[~held]),
        validation=Held(pictures[held], numbers[held]),
        peak=PEAK,
    )
