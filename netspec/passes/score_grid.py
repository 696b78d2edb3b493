"""Where the class scores of a dense network stand in its image: a network is dense if its scores are maps.

The pixel of the image that a score belongs to is the pixel with whose class training compares it. Scores that are a
layer's strides apart, counted from the image, stand in the middle of the image: as many pixels are left over on one
side as on the other. So the 388 x 388 scores of U-Net, whose strides and enlargements cancel, belong to the middle
388 x 388 of its 572 x 572 pixels (Ronneberger et al., 2015, figure 1), and the 41 x 41 scores of DeepLab-LargeFOV (Chen
et al., Semantic image segmentation with deep convolutional nets and fully connected CRFs, 2015) to every eighth of 321
x 321 pixels. It is also where ``interpolate`` of PyTorch would put them.

The middle is not where scores stand that see another part of the image, as behind a crop of a corner. So the centres of
windows are followed from the image to the scores, and the place next to the middle is taken that they allow. A stride
leaves some freedom: a unit of a convolution of 3 x 3 pixels with a stride of 2 may be taken for the pixel in the middle
of its kernel, or for the square of 2 x 2 pixels that is left for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from netspec.formatting import format_number
from netspec.ir.graph import Graph, Node
from netspec.ir.ops import (
    BinPool,
    BorderPad,
    Crop,
    Interpolate,
    Mirror,
    Nailbed,
    Op,
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


class Axis(NamedTuple):
    """The units of a value along one axis: the distance of neighbouring ones in the image, in pixels, and the lowest
    and highest pixel that the first of them may be taken for."""

    apart: Fraction
    low: Fraction
    high: Fraction


class Place(NamedTuple):
    """Where the units of a value stand in the image."""

    rows: Axis
    columns: Axis

    def __str__(self) -> str:
        down, across = (format_number(axis.apart) for axis in self)
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

    @property
    def slices(self) -> tuple[slice, slice]:
        """These pixels' rows and columns in the image."""
        rows = slice(self.top, self.top + _span(self.rows, self.down), self.down)
        return rows, slice(self.left, self.left + _span(self.columns, self.across), self.across)

    def share_of(self, image: Shape) -> float:
        """Return for which share (0 to 1) of the pixels of an image there are scores, if each score is for all those
        that are nearer to it than to others.

        >>> round(ScoreGrid(388, 388, 1, 1, 92, 92).share_of(Shape(1, 572, 572)), 2)
        0.46
        """
        pixels = min(self.rows * self.down, image.height) * min(self.columns * self.across, image.width)
        return pixels / (image.height * image.width)

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


def score_grid(graph: Graph, node: Node | None = None) -> ScoreGrid:
    """Return where the scores of a dense network stand in its image: the class scores or, given the ``node`` of other
    maps, these.

    Raises
    ------
    NoGrid
        The network reads a vector, or joins values of different scales, or its scores are at no whole number of pixels
        from each other, or reach beyond the image.
    """
    node = node or graph.scores
    image, scores = graph.input.output, node.output
    what = "the class scores" if node == graph.scores else f"the scores of {node.layer}"
    if not image.is_image:
        raise NoGrid(
            f"{what} are an image of {scores}, and the network reads no image but {image.units} numbers",
            "masks are those of images; netspec.torch_module and compile give the module, to train in your own program",
        )
    place = _place_of(graph, node) or Place(*(_filling(image[i], scores[i]) for i in (1, 2)))
    if place.columns.apart < 0:
        raise NoGrid(f"{what} are those of the mirrored image", "a second mirror layer turns them back")
    for axis in place:
        if axis.apart < 1 or axis.apart.denominator > 1:
            raise NoGrid(
                f"{what} are {place} pixels of the image apart: a mask has a class for each pixel",
                f"{scores} scores for an image of {image}; scores stand a whole number of pixels apart, at least 1",
            )
    axes = zip(place, scores[1:], image[1:], strict=True)
    top, left = (_first(axis, count, size, what) for axis, count, size in axes)
    return ScoreGrid(scores.height, scores.width, int(place.rows.apart), int(place.columns.apart), top, left)


def _first(axis: Axis, count: int, size: int, what: str) -> int:
    """Return the pixel, on an axis of ``size`` pixels, to which the first of ``count`` scores belongs. Raises
    ``NoGrid``, in which the scores are ``what``."""
    span = _span(count, int(axis.apart))
    if span > size:
        raise NoGrid(
            f"{what} reach beyond the image",
            f"{axis.apart} * ({count} - 1) + 1 = {span} pixels, the image has {size}; a crop layer takes their middle",
        )
    lowest, highest = sorted((math.ceil(axis.low), math.floor(axis.high)))  # those around it if no pixel is between
    allowed = min(max((size - span) // 2, lowest), highest)
    return min(max(allowed, 0), size - span)


def _span(count: int, apart: int) -> int:
    """Return how many pixels there are from the first to the last of some that are so far apart."""
    return apart * (count - 1) + 1


def _filling(pixels: int, units: int) -> Axis:
    """Return the axis of units that all of the image reaches, each in its own way: they are as large as the image, or
    less."""
    return Axis(Fraction(pixels, units), Fraction(0), Fraction(pixels))


def _place_of(graph: Graph, scores: Node) -> Place | None:
    """Return the place of some scores. ``None``: they have none of their own."""
    needed = graph.dependencies([scores])
    places: dict[str, Place | None] = {}
    for node in graph.nodes.values():
        if node.name not in needed:
            continue
        stretched = isinstance(node.op, Interpolate) and node.output[1:] == graph.input.output[1:]
        if not node.inputs or stretched:  # over all of the image
            places[node.name] = Place(*[Axis(Fraction(1), Fraction(0), Fraction(0))] * 2)
        elif node.output.height * node.output.width == 1:
            places[node.name] = None  # stands nowhere, as all of the image reaches it
        else:
            places[node.name] = _place(node, _joined(node, places), graph.shapes(node)[0])
    return places[scores.name]


def _joined(node: Node, places: dict[str, Place | None]) -> Place | None:
    """Return the place of an operation's inputs. Raises ``NoGrid`` if their scales differ."""
    known = {name: place for name in node.inputs if (place := places[name]) is not None}
    if len({tuple(axis.apart for axis in place) for place in known.values()}) > 1:
        values = ", ".join(f"those of {name} {place}" for name, place in known.items())
        raise NoGrid(f"{node.layer} joins maps of different scales", f"units are so many pixels apart: {values}")
    return Place(*map(_common, zip(*known.values(), strict=True))) if known else None


def _common(axes: Sequence[Axis]) -> Axis:
    """Return the axis with what all ``axes`` allow, whose units are equally far apart; or, if they have nothing in
    common, with what any of them allows."""
    low, high = max(axis.low for axis in axes), min(axis.high for axis in axes)
    if low > high:
        low, high = min(axis.low for axis in axes), max(axis.high for axis in axes)
    return Axis(axes[0].apart, low, high)


def _place(node: Node, read: Place | None, x: Shape) -> Place | None:
    """Return the place of an operation's output, given that of what it reads, whose shape is ``x``."""
    op = node.op
    if isinstance(op, RandomScale):
        raise NoGrid(f"{node.layer} scales images at random in training, and their masks are not scaled")
    if isinstance(op, Reshape) and node.output != x:
        return None
    if read is None or isinstance(op, BinPool | Interpolate):
        return None  # a size is given: its units stand where those of the maps do that it is joined with
    steps, firsts = _moved(op, x)
    return Place(*map(_sampled, read, steps, firsts))


def _sampled(axis: Axis, step: Fraction | float, first: Fraction | float) -> Axis:
    """Return the axis of units that are ``step`` units of ``axis`` apart, the first of them at unit ``first``."""
    step, first = (Fraction(number).limit_denominator(1000) for number in (step, first))
    half = (abs(step) - 1) / 2
    freedom = abs(axis.apart) * min(abs(half), abs(first - half))  # none if windows lie side by side
    return Axis(axis.apart * step, axis.low + axis.apart * first - freedom, axis.high + axis.apart * first + freedom)


_Pair = tuple[Fraction | float, Fraction | float]


def _moved(op: Op, x: Shape) -> tuple[_Pair, _Pair]:
    """Return how many units of ``x`` the units of an operation's output are apart, down and across, and at which unit
    of ``x`` the first of them is centred."""
    window = window_of(op)
    if window is not None:
        pads = window.pad.top, window.pad.left
        before = [Fraction(extent - 1, 2) - pad for extent, pad in zip(window.extent, pads, strict=True)]
        if not isinstance(window, TransposedWindow):
            return window.stride, (before[0], before[1])
        down, across = (Fraction(1, stride) for stride in window.stride)
        return (down, across), (-before[0] * down, -before[1] * across)
    match op:
        case Nailbed(stride=stride):
            return (stride, stride), op.starts(x)
        case Crop(top=top, left=left):
            return (1, 1), (top, left)
        case BorderPad(pad=pad):
            return (1, 1), (-pad.top, -pad.left)
        case PixelUnshuffle(factor=factor):
            return (factor, factor), (Fraction(factor - 1, 2),) * 2
        case PixelShuffle(factor=factor):
            return _enlarged(factor, factor)
        case Upsample(factor=factors):
            return _enlarged(*factors)
        case Resize(step=step):
            rows, columns = op.shape((x,))[1:]
            return (step, step), ((x.height - rows * step) / 2, (x.width - columns * step) / 2)
        case Mirror():
            return (1, -1), (0, x.width - 1)
    return (1, 1), (0, 0)


def _enlarged(*factors: int) -> tuple[_Pair, _Pair]:
    """Return how units are moved of which each becomes ``factors`` ones, down and across."""
    (down, across), (top, left) = zip(*((Fraction(1, f), Fraction(1 - f, 2 * f)) for f in factors), strict=True)
    return (down, across), (top, left)
