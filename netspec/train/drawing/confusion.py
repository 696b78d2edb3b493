"""The confusion matrix as a picture: rows are the right classes, columns the answers."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

from netspec.maker import PNG_TEXT
from netspec.train.judging.outcome import Outcome
from netspec.train.reporting.progress import printable
from netspec.units import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HOW_TO_GET_IT = "no confusion matrix without matplotlib: pip install 'netspec-compiler[plots]'"

NAMED = 40
"""Up to so many classes are named along the axes; up to ``NUMBERED``, every cell has its number."""

NUMBERED = 20
DOTTED = 100
"""Of more classes than this, a confusion of ``FREQUENT`` of a class's images or more is drawn as a dot."""

FREQUENT = 0.06
LISTED = 25
"""The most frequent confusions, which are told in words beside the matrix."""

CHARACTER = 0.068
"""Inches that a character of the words takes."""

LONGEST = 24
"""Characters of a class's name that are shown."""


def confusion_png(tested: Outcome) -> bytes | None:
    """The picture as PNG; ``None`` where matplotlib is not installed.

    A cell's darkness is the share of its row's images, on a scale that shows small shares too (its square root). Of
    many classes, whose cells are too small to be seen, each frequent confusion is a dot instead. The most frequent
    stand beside the matrix in words.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    words = _words(tested)
    side = min(11.0, max(5.0, 0.42 * len(tested.classes)))  # inches of the matrix; 1,650 pixels at most
    beside = 0.3 + CHARACTER * max(map(len, words.splitlines()))
    figure = Figure(figsize=(side + beside + 2.0, side + 0.9), layout="constrained")
    axes, margin = figure.subplots(1, 2, width_ratios=(side + 1.0, beside))
    _matrix(axes, figure, tested)
    axes.set_anchor("N")
    margin.axis("off")
    margin.text(0, 1, words, va="top", fontsize=8, family="monospace", transform=margin.transAxes)
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # names in scripts that the font has not
        figure.savefig(out, format="png", dpi=150, bbox_inches="tight", metadata=PNG_TEXT)
    return out.getvalue()


def _matrix(axes: Axes, figure: Figure, tested: Outcome) -> None:
    from matplotlib.colors import PowerNorm

    classes, total = len(tested.classes), tested.per_class[:, None]
    share = np.divide(tested.confusion, total, out=np.zeros(tested.confusion.shape), where=total > 0)
    image = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest")
    axes.set(xlabel="answer", ylabel="right class")
    axes.set_title(
        f"top-1 {100 * tested.top1:.1f} % of {count(tested.used)} images of {_short(tested.source)}", fontsize=10
    )
    if classes <= NAMED:
        names = [_short(name) for name in tested.classes]
        axes.set_xticks(range(classes), names, rotation=90 if max(map(len, names)) > 2 else 0, fontsize=8)
        axes.set_yticks(range(classes), names, fontsize=8)
    if classes <= NUMBERED:
        for row, column in zip(*np.nonzero(tested.confusion), strict=True):
            axes.text(column, row, str(tested.confusion[row, column]), ha="center", va="center", fontsize=8,
                      color="white" if share[row, column] > 0.3 else "black")  # fmt: skip
    if classes > DOTTED:
        apart = share * (1 - np.eye(classes))
        rows, columns = np.nonzero(apart >= FREQUENT)
        axes.scatter(columns, rows, s=60 * apart[rows, columns], color="tab:orange", alpha=0.6, linewidths=0,
                     label=f"answer of {FREQUENT:.0%} of a class or more; area: the share")  # fmt: skip
        axes.legend(loc="upper right", fontsize=8)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, label="share of the class's images")
    bar.set_ticks([0, 0.01, 0.05, 0.1, 0.25, 0.5, 1], labels=["0", "1 %", "5 %", "10 %", "25 %", "50 %", "100 %"])


def _words(tested: Outcome) -> str:
    """The most frequent confusions, a line each."""
    found = tested.confusions()
    if not found:
        return "no image is taken for another class"
    lines = ["most frequent confusions", "(right class, answer)", ""]
    for right, answer, images in found[:LISTED]:
        of = f"{count(images)} of {count(int(tested.per_class[right]))}"
        lines.append(f"{of:>12}  {_named(tested, right)} as {_named(tested, answer)}")
    if len(found) > LISTED:
        lines.append(f"and {count(len(found) - LISTED)} other pairs")
    return "\n".join(lines)


def _named(tested: Outcome, number: int) -> str:
    """A class, with its number where the axes have numbers only."""
    name = _short(tested.classes[number])
    return name if len(tested.classes) <= NAMED else f"{number} {name}"


def _short(text: str) -> str:
    """Fit for a picture: no control characters, no mathematics, not too long."""
    clean = printable(text).replace("$", r"\$")
    return clean if len(clean) <= LONGEST else f"{clean[: LONGEST - 1]}…"
