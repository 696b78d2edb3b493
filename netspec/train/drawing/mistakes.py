"""A sheet of the images that were classified wrongly with the most confidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from netspec.formatting import format_count
from netspec.train.data.splits import Pixels, Unreadable
from netspec.train.drawing.lettering import as_png, short
from netspec.train.evaluation.mistakes import Mistake
from netspec.train.evaluation.outcome import Outcome

COLUMNS, SHOWN = 6, 36

TILE, CAPTION = 1.75, 0.5
"""The side of an image and the height of the text below it, in inches."""


def mistakes_png(tested: Outcome, warn: Callable[[str], None]) -> bytes:
    """Return the first ``SHOWN`` mistakes as PNG, with the right class and the answer below each image.

    Needs matplotlib. ``warn`` is called with the images that can no longer be read. Raises ``TrainError`` if a pack has
    been damaged since it was tested.
    """
    from matplotlib.figure import Figure

    shown = list(islice(_readable(tested, warn), SHOWN))
    columns, rows = max(1, min(COLUMNS, len(shown))), max(1, -(-len(shown) // COLUMNS))
    figure = Figure(figsize=(columns * TILE, rows * (TILE + CAPTION) + 0.5), layout="constrained")
    figure.suptitle(_title(tested, len(shown)), fontsize=9)
    all_axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in all_axes[len(shown) :]:
        axes.remove()
    for axes, (mistake, pixels) in zip(all_axes, shown, strict=False):
        axes.imshow(colours(pixels, tested.mistakes.peak), cmap="gray", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        right, answer = (short(tested.classes[number]) for number in (mistake.right, mistake.answer))
        axes.set_xlabel(f"{right}\nas {answer}\n{100 * mistake.answer_share:.1f} %", fontsize=7)
    return as_png(figure)


def _readable(tested: Outcome, warn: Callable[[str], None]) -> Iterator[tuple[Mistake, Pixels]]:
    """Yield the mistakes in order with their images, without those that can no longer be read."""
    for mistake in tested.mistakes:
        try:
            yield mistake, tested.mistakes.read(mistake)
        except Unreadable as problem:
            warn(f"{problem.path} is not drawn: {problem.reason}")


def _title(tested: Outcome, shown: int) -> str:
    wrong, used = len(tested.mistakes), format_count(tested.used)
    if not wrong:
        return f"none of {used} images is taken for another class"
    which = "the" if shown == wrong else f"the {shown} most confident of"
    title = f"{which} {format_count(wrong)} mistakes on {used} images of {short(tested.source)}"
    return f"{title}\n(right class, answer and its probability)"


def colours(pixels: Pixels, peak: int) -> NDArray[np.float64]:
    """Return an image as matplotlib draws it, from 0 to 1: (height, width, 3) if it has three channels, else the mean
    of its channels, (height, width)."""
    brightness: NDArray[np.float64] = pixels / peak
    return brightness.transpose(1, 2, 0) if len(pixels) == 3 else brightness.mean(axis=0)
