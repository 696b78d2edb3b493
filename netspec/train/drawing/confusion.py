"""Plotting a confusion matrix: rows are the right classes, columns the predicted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len

from netspec.formatting import format_count
from netspec.train.drawing.lettering import as_png, short
from netspec.train.evaluation.outcome import Counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED = 40
"""With up to this many classes, their names are shown along the axes."""

NUMBERED = 20
"""With up to this many classes, each cell shows its number."""

DOTTED = 100
"""With more classes than this, confusions of at least ``FREQUENT`` of a class's images are drawn as dots."""

FREQUENT = 0.06
LISTED = 25
"""The number of confusions, most frequent first, that are listed beside the matrix."""

CHARACTER = 0.068
"""The width of a character of this list, in inches."""


def confusion_png(tested: Counted) -> bytes:
    """Return the plot as PNG. Needs matplotlib.

    The darkness of a cell is the square root of its share of the row's images or pixels, so that small shares are
    visible too. If there are many classes, whose cells are too small to see, frequent confusions are marked with dots.
    The most frequent ones are listed beside the matrix.
    """
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    listing = confusion_list(tested)
    matrix_side = min(11.0, max(5.0, 0.42 * len(tested.classes)))  # of the matrix, in inches; at most 1,650 pixels
    listing_width = 0.3 + CHARACTER * max(map(cell_len, listing.splitlines()))
    figure = Figure(figsize=(matrix_side + listing_width + 2.0, matrix_side + 0.9), layout="constrained")
    axes, margin = figure.subplots(1, 2, width_ratios=(matrix_side + 1.0, listing_width))
    _matrix(axes, figure, tested)
    axes.set_anchor("N")
    margin.axis("off")
    margin.text(0, 1, listing, va="top", fontsize=8, transform=margin.transAxes,
                family=["monospace", *rcParams["font.family"]])  # fmt: skip
    return as_png(figure)


def _matrix(axes: Axes, figure: Figure, tested: Counted) -> None:
    from matplotlib.colors import PowerNorm

    classes, total = len(tested.classes), tested.per_class[:, None]
    share = np.divide(tested.confusion, total, out=np.zeros(tested.confusion.shape), where=total > 0)
    image = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest")
    axes.set(xlabel="answer", ylabel="right class")
    axes.set_title(f"{tested.headline} of {short(tested.source)}", fontsize=10)
    if classes <= NAMED:
        names = [short(name) for name in tested.classes]
        axes.set_xticks(range(classes), names, rotation=90 if max(map(cell_len, names)) > 2 else 0, fontsize=8)
        axes.set_yticks(range(classes), names, fontsize=8)
    if classes <= NUMBERED:
        for row, column in zip(*np.nonzero(tested.confusion), strict=True):
            axes.text(column, row, _cell(tested, row, column), ha="center", va="center", fontsize=8,
                      color="white" if share[row, column] > 0.3 else "black")  # fmt: skip
    if classes > DOTTED:
        confused = share * (1 - np.eye(classes))
        rows, columns = np.nonzero(confused >= FREQUENT)
        axes.scatter(columns, rows, s=60 * confused[rows, columns], color="tab:orange", alpha=0.6, linewidths=0,
                     label=f"answer of {FREQUENT:.0%} of a class or more; area: the share")  # fmt: skip
        axes.legend(loc="upper right", fontsize=8)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, label=f"share of the class's {tested.counted}")
    bar.set_ticks([0, 0.01, 0.05, 0.1, 0.25, 0.5, 1], labels=["0", "1 %", "5 %", "10 %", "25 %", "50 %", "100 %"])


def _cell(tested: Counted, row: int, column: int) -> str:
    """Return the text in a cell: the number of images, or the share of the class's pixels, of which there are many."""
    count = int(tested.confusion[row, column])
    if tested.counted == "images":
        return str(count)
    percent = 100 * count / int(tested.per_class[row])
    return f"{percent:.0f} %" if percent >= 0.5 else ""


def confusion_list(tested: Counted) -> str:
    """Return the list of the most frequent confusions, one per line."""
    confusions = tested.confusions()
    if not confusions:
        return f"no {tested.counted.removesuffix('s')} is taken for another class"
    lines = ["most frequent confusions", "(right class, answer)", ""]
    for right, answer, count in confusions[:LISTED]:
        of = f"{format_count(count)} of {format_count(int(tested.per_class[right]))}"
        lines.append(f"{of:>12}  {_class_label(tested, right)} as {_class_label(tested, answer)}")
    if len(confusions) > LISTED:
        lines.append(f"and {format_count(len(confusions) - LISTED)} other pairs")
    return "\n".join(lines)


def _class_label(tested: Counted, number: int) -> str:
    """Return the name of a class, preceded by its number if the axes show only numbers."""
    name = short(tested.classes[number])
    return name if len(tested.classes) <= NAMED else f"{number} {name}"
