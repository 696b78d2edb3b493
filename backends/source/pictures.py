"""How images are prepared, as constants of the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netspec.ir.graph import Graph
from netspec.passes.crops import five_crops, stored_size


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the program does with images.

    ``mode`` is Pillow's word for the input's colours, or ``None`` where images cannot be what the network reads.
    ``loaded`` are the rows and columns that an image has after it was scaled and its middle cut out; the network's own
    are cropped from those. ``mean`` and ``std`` are words, or numbers for each channel. ``numbers`` has one for each of
    the ten views, the same for those that coincide.
    """

    mode: Literal["RGB", "L"] | None
    bgr: bool
    loaded: tuple[int, int]
    crops: bool
    flip: bool
    colour: float
    mean: str | tuple[float, ...]
    std: str | tuple[float, ...]
    range: int
    views: int
    numbers: tuple[int, ...]

    @property
    def shared(self) -> bool:
        """Whether some of the ten views coincide, but not all crops: of these the program looks at two views."""
        return self.views == 10 and 2 < len(set(self.numbers)) < 10

    @property
    def measured(self) -> tuple[str, ...]:
        """What is measured of the training images, in words."""
        mean = {"image": ("mean image",), "channel": ("mean of each channel",)}.get(str(self.mean), ())
        std = ("standard deviation of each channel",) if self.std == "channel" else ()
        return (*mean, *std, *(("colours' principal components",) if self.colour else ()))


def pictures(graph: Graph) -> Pictures:
    """How a graph's program prepares its images."""
    size, before, augment = graph.input.output, graph.preprocessing, graph.augment
    mode: Literal["RGB", "L"] | None = None
    if size.is_image:
        mode = {3: "RGB", 1: "L"}.get(size.channels)  # type: ignore[assignment]
    loaded = stored_size(graph)
    return Pictures(
        mode=mode,
        bgr=before.order == "bgr" and mode == "RGB",
        loaded=loaded,
        crops=loaded != (size.height, size.width),
        flip=augment.flip == "horizontal",
        colour=augment.colour if mode == "RGB" else 0.0,
        mean=before.mean,
        std=before.std,
        range=before.range,
        views=graph.test.views,
        numbers=_numbers(loaded[0] - size.height, loaded[1] - size.width),
    )


def _numbers(down: int, right: int) -> tuple[int, ...]:
    """The number of each view among those that differ: of the crops, then of their mirror images."""
    places = five_crops(down, right)
    distinct = list(dict.fromkeys(places))
    return tuple(len(distinct) * mirrored + distinct.index(place) for mirrored in (0, 1) for place in places)
