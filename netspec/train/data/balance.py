"""The balanced weights of classes: those with which all classes of the training images count the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from netspec.train.data.drawn import WholeMasks
from netspec.train.data.splits import Data, Split, Unreadable

Counts = NDArray[np.int64]


def balanced_weights(counts: Sequence[int]) -> list[float | None]:
    """Return the weight of each class, given how many images or labelled pixels have it: n / (k c), if c of n have it,
    and k classes occur (``compute_class_weight`` of scikit-learn, after King & Zeng: Logistic regression in rare events
    data, 2001), to six digits. ``None`` for a class that none has."""
    mean = sum(counts) / max(1, sum(count > 0 for count in counts))
    return [float(f"{mean / count:.6g}") if count else None for count in counts]


def count_classes(data: Data, classes: int, threads: int, progress: Callable[[int, int], None]) -> list[int]:
    """Return how many training images have each class or, if they have masks, how many of their pixels.

    Masks are counted in their own size, and those that cannot be read are left out. Images without masks are not
    opened. ``progress`` is called with the numbers of masks that have been read and that there are.

    Raises
    ------
    TrainError
        A mask has a class, or a colour, that does not exist.
    """
    labels = data.train.labels
    if not data.masks:
        return [int(count) for count in np.bincount(labels[labels >= 0], minlength=classes)]
    total, pool = np.zeros(256, np.int64), ThreadPoolExecutor(threads, thread_name_prefix="netspec-reader")
    try:
        for done, counts in enumerate(pool.map(partial(_count_pixels, data.train), range(len(labels))), 1):
            total += counts
            progress(done, len(labels))
    finally:
        pool.shutdown(cancel_futures=True)
    return [int(count) for count in total[:classes]]


def _count_pixels(split: Split, index: int) -> Counts:
    """Return how many pixels of a mask have each number, 0 to 255; zeros if it cannot be read."""
    try:
        mask = split.mask(index) if isinstance(split, WholeMasks) else split.read(index)[-1]
    except Unreadable:
        return np.zeros(256, np.int64)
    return np.bincount(mask.ravel(), minlength=256)
