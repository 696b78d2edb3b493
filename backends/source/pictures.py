"""How images are prepared, as constants of the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netspec.ir.graph import Graph


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the program does with images.

    ``mode`` is Pillow's word for the input's colours, or ``None`` where images cannot be what the network reads.
    ``loaded`` are the rows and columns that an image has after it was scaled and its middle cut out; the network's own
    are cropped from those. ``mean`` and ``std`` are words, or numbers for each channel.
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

    @property
    def measured(self) -> tuple[str, ...]:
        """What is measured of the training images, in words."""
        mean = {"image": ("mean image",), "channel": ("mean of each channel",)}.get(str(self.mean), ())
        std = ("standard deviation of each channel",) if self.std == "channel" else ()
        return (*mean, *std, *(("colours' principal components",) if self.colour else ()))


def pictures(graph: Graph) -> Pictures:
    """What a graph's settings come to."""
    size, before, augment = graph.input.output, graph.preprocessing, graph.augment
    mode: Literal["RGB", "L"] | None = None
    if size.is_image:
        mode = {3: "RGB", 1: "L"}.get(size.channels)  # type: ignore[assignment]
    loaded = _loaded(graph)
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
    )


def _loaded(graph: Graph) -> tuple[int, int]:
    """The network's rows and columns, scaled so that the shorter is ``augment.resize`` (by default the input's own)."""
    rows, columns = graph.input.output.height, graph.input.output.width
    shorter = min(rows, columns)
    resize = graph.augment.resize or shorter
    return max(rows, round(rows * resize / shorter)), max(columns, round(columns * resize / shorter))
