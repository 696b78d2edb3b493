"""Where the class scores of a dense network stand in its image: a network is dense if its scores are maps.

The pixel of the image that a score belongs to is the pixel with whose class training compares it. Scores that are a
layer's strides apart, counted from the image, stand in the middle of the image: as many pixels are left over on one
side as on the other. So the 388 x 388 scores of U-Net, whose strides and enlargements cancel, belong to the middle
388 x 388 of its 572 x 572 pixels (Ronneberger et al., 2015, figure 1), and the 41 x 41 scores of DeepLab-LargeFOV (Chen
et al., Semantic image segmentation with deep convolutional nets and fully connected CRFs, 2015) to every eighth of 321
x 321 pixels. It is also where ``interpolate`` of PyTorch would put them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from netspec.formatting import format_number
from netspec.ir.graph import Graph, Node
from netspec.ir.ops import (
    BinPool,
    Interpolate,
    Mirror,
    Nailbed,
    PixelShuffle,
    PixelUnshuffle,
    RandomScale,
    Reshape,
    Resize,
    Upsample,
)
from netspec.ir.ops.inspection import window_of
from netspec.ir.shape import Shape
from netspec.ir.window import TransposedWindow

UNLABELLED = 255
"""The number in a mask of a pixel without a class, as in the masks of Pascal VOC: it counts neither in the loss nor in
the metrics."""


class Scale(NamedTuple):
    """The distances in the image, in pixels, of neighbouring units of a value: down and across."""

    down: Fraction
    across: Fraction

    def __str__(self) -> str:
        down, across = map(format_number, self)
        return down if down == across else f"{down} x {across}"


@dataclass(frozen=True, slots=True)
class ScoreGrid:
    """The pixels of the image that the scores belong to: ``rows`` x ``columns`` of them, ``down`` pixels apart from one
    row to the next and ``across`` from one column to the next, the first at (``top``, ``left``)."""

    rows: int
    columns: int
    down: int
    across: int
    top: int
    left: int

    def __str__(self) -> str:
        first = f"from row {self.top} and column {self.left} on"
        if (self.down, self.across) == (1, 1):
            return f"{self.rows} x {self.columns} pixels, {first}"
        apart = f"{self.down}" if self.down == self.across else f"{self.down} and {self.across}"
        return f"{self.rows} x {self.columns} pixels, {apart} apart, {first}"


class NoGrid(ValueError):
    """It is not known where the scores of a dense network stand. ``notes`` are further lines."""

    def __init__(self, message: str, *notes: str) -> None:
        super().__init__(message)
        self.message = message
        self.notes = notes


def is_dense(graph: Graph) -> bool:
    """Whether the class scores are maps, and not one number per class."""
    scores = graph.scores.output
    return scores.units != scores.channels


def score_grid(graph: Graph) -> ScoreGrid:
    """Return where the scores of a dense network stand in its image.

    Raises
    ------
    NoGrid
        The network joins values of different scales, or its scores are at no whole number of pixels from each other,
        or reach beyond the image.
    """
    image, scores = graph.input.output, graph.scores.output
    scale = _scale_of_scores(graph)
    if scale is None:  # all of the image reaches each score in its own way: the maps are as large as the image, or less
        scale = Scale(Fraction(image.height, scores.height), Fraction(image.width, scores.width))
    for step in scale:
        if step < 1 or step.denominator > 1:
            raise NoGrid(
                f"the class scores are {scale} pixels of the image apart: a mask has a class for each pixel",
                f"{scores} scores for an image of {image}; scores stand a whole number of pixels apart, at least 1",
            )
    down, across = int(scale.down), int(scale.across)
    spans = (down * (scores.height - 1) + 1, across * (scores.width - 1) + 1)
    for span, apart, count, size in zip(spans, (down, across), scores[1:], image[1:], strict=True):
        if span > size:
            raise NoGrid(
                "the class scores reach beyond the image",
                f"{apart} * ({count} - 1) + 1 = {span} pixels, the image has {size}; a crop layer takes their middle",
            )
    top, left = ((size - span) // 2 for size, span in zip(image[1:], spans, strict=True))
    return ScoreGrid(scores.height, scores.width, down, across, top, left)


def _scale_of_scores(graph: Graph) -> Scale | None:
    """Return the scale of the class scores. ``None``: they have none of their own."""
    needed = graph.dependencies([graph.scores])
    scales: dict[str, Scale | None] = {}
    for node in graph.nodes.values():
        if node.name not in needed:
            continue
        if not node.inputs:
            scales[node.name] = Scale(Fraction(1), Fraction(1))
        elif node.output.height * node.output.width == 1:
            scales[node.name] = None  # stands nowhere, as all of the image reaches it
        else:
            scales[node.name] = _scale(node, _joined(node, scales), graph.shapes(node)[0])
    return scales[graph.scores.name]


def _joined(node: Node, scales: dict[str, Scale | None]) -> Scale | None:
    """Return the scale of an operation's inputs. Raises ``NoGrid`` if they differ."""
    known = {name: scale for name in node.inputs if (scale := scales[name]) is not None}
    if len(set(known.values())) > 1:
        values = ", ".join(f"those of {name} {scale}" for name, scale in known.items())
        raise NoGrid(f"{node.layer} joins maps of different scales", f"units are so many pixels apart: {values}")
    return next(iter(known.values()), None)


def _scale(node: Node, read: Scale | None, x: Shape) -> Scale | None:
    """Return the scale of an operation's output, given that of what it reads, whose shape is ``x``."""
    op = node.op
    if isinstance(op, RandomScale):
        raise NoGrid(f"{node.layer} scales images at random in training, and their masks are not scaled")
    if isinstance(op, Reshape) and node.output[1:] != x[1:]:
        return None
    if read is None or isinstance(op, BinPool | Interpolate):
        return None  # a size is given: its units stand where those of the maps do that it is joined with
    window = window_of(op)
    if isinstance(window, TransposedWindow):
        return _times(read, [Fraction(1, stride) for stride in window.stride])
    if window is not None:
        return _times(read, window.stride)
    match op:
        case Nailbed(stride=factor) | PixelUnshuffle(factor=factor):
            return _times(read, (factor, factor))
        case PixelShuffle(factor=factor):
            return _times(read, (Fraction(1, factor),) * 2)
        case Upsample(factor=(down, across)):
            return _times(read, (Fraction(1, down), Fraction(1, across)))
        case Resize(step=step):
            return _times(read, (Fraction(step).limit_denominator(1000),) * 2)
        case Mirror():
            return _times(read, (1, -1))
    return read


def _times(scale: Scale, factors: Sequence[Fraction | int]) -> Scale:
    down, across = factors
    return Scale(scale.down * down, scale.across * across)
