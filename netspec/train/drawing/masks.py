"""A sheet of images beside their masks and those that a network predicted."""

from __future__ import annotations

import numpy as np

from netspec.formatting import format_count, plural
from netspec.passes.score_grid import UNLABELLED
from netspec.train.data.splits import Pixels
from netspec.train.drawing.lettering import as_png, short
from netspec.train.drawing.mistakes import colours
from netspec.train.evaluation.masks.outcome import Drawn, PixelOutcome
from netspec.train.evaluation.masks.png import voc_colours

PANELS = ("image", "mask", "predicted")
SIDE_BY_SIDE = 3
"""The number of images in a row of the sheet, with ``PANELS`` each."""

PANEL, CAPTION = 1.3, 0.35
"""The side of a panel and the height of the text below it, in inches."""

NAMED = 24
"""The most classes in the legend, those with the most pixels in the masks shown."""


def masks_png(tested: PixelOutcome) -> bytes:
    """Return the images with the greatest share of wrong pixels as PNG, each beside its mask and the predicted one,
    with the colours of the classes below them. Needs matplotlib."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    shown = tested.worst
    blocks = max(1, min(SIDE_BY_SIDE, len(shown)))
    rows = max(1, -(-len(shown) // blocks))
    figure = Figure(figsize=(blocks * 3 * PANEL, rows * (PANEL + CAPTION) + 1.2), layout="constrained")
    figure.suptitle(_title(tested), fontsize=9)
    all_axes = figure.subplots(rows, 3 * blocks, squeeze=False).reshape(-1, 3)
    for panels in all_axes[len(shown) :]:
        for axes in panels:
            axes.remove()
    for panels, drawn in zip(all_axes, shown, strict=False):
        pictures = (colours(drawn.image, tested.peak), voc_colours()[drawn.mask], voc_colours()[drawn.predicted])
        for axes, picture, name in zip(panels, pictures, PANELS, strict=True):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.set_xlabel(name, fontsize=7)
        panels[0].set_title(f"{short(drawn.result.name)}: {100 * drawn.result.wrong_share:.1f} % wrong", fontsize=7,
                            loc="left")  # fmt: skip
    entries = [Patch(facecolor=_hex(number), edgecolor="0.5", label=name) for number, name in _legend(tested, shown)]
    if entries:
        figure.legend(handles=entries, loc="outside lower center", ncols=4 * blocks, fontsize=7, frameon=False)
    return as_png(figure)


def _title(tested: PixelOutcome) -> str:
    wrong, used = len(tested.mistaken), format_count(tested.used)
    if not wrong:
        return f"no pixel of {used} images is taken for another class"
    which = "the" if len(tested.worst) == wrong else f"the {len(tested.worst)} worst of"
    return f"{which} {plural(wrong, 'image')} with wrong pixels, of {used} of {short(tested.source)}"


def _legend(tested: PixelOutcome, shown: tuple[Drawn, ...]) -> list[tuple[int, str]]:
    """Return the numbers and names of the classes in the masks shown, the most frequent ones if there are many."""
    counts = np.zeros(256, np.int64)
    for drawn in shown:
        for mask in (drawn.mask, drawn.predicted):
            counts += np.bincount(mask.ravel(), minlength=256)
    present = sorted(np.argsort(-counts, kind="stable")[: min(NAMED, int((counts > 0).sum()))].tolist())
    return [(k, "unlabelled" if k == UNLABELLED else short(tested.classes[k])) for k in present]


def _hex(number: int) -> str:
    colour: Pixels = voc_colours()[number]
    return "#" + "".join(f"{value:02x}" for value in colour.tolist())
