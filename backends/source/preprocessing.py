"""The preprocessing of images, as constants of the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netspec.ir.graph import Graph
from netspec.ir.settings import Cutout, Jitter, RandAugment, RandomErasing, TrivialAugment, Views
from netspec.passes.crops import DrawnCrops, drawn_crops, five_crops, stored_size


@dataclass(frozen=True, slots=True)
class ImagePreprocessing:
    """How the program preprocesses images.

    ``mode`` is Pillow's mode for the input's channels, or ``None`` if the network cannot read images. ``loaded`` is the
    size, rows and columns, to which images are scaled and centre-cropped when read; the network's input is cropped from
    that, in training as ``drawn`` says, or with ``pad`` pixels of padding on each side, whose colour is ``fill``.
    ``jitter`` are the numbers of brightness, contrast, saturation and hue, none if nothing changes. ``mean`` and
    ``std`` are words, or numbers per channel. ``view_numbers`` identifies each of the ten views; views that coincide
    have the same number.
    """

    mode: Literal["RGB", "L"] | None
    bgr: bool
    loaded: tuple[int, int]
    crops: bool
    drawn: DrawnCrops | None
    pad: int
    fill: Literal["black", "mean", "reflect"]
    flip: bool
    policy: TrivialAugment | RandAugment | None
    jitter: tuple[float, ...]
    erase: Cutout | RandomErasing | None
    colour: float
    mean: str | tuple[float, ...]
    std: str | tuple[float, ...]
    range: int
    views: Views
    view_numbers: tuple[int, ...]

    @property
    def cuts_stored(self) -> bool:
        """Whether the crops of a training are cut from images of the size ``loaded``, with their padding."""
        return self.drawn is None and (self.crops or self.pad > 0)

    @property
    def pads_mean(self) -> bool:
        """Whether the mean of padded images has a value for each of their pixels."""
        return self.pad > 0 and self.mean != "none" and (self.mean == "image" or self.fill == "mean")

    @property
    def draws_rectangles(self) -> bool:
        """Whether crops or what is erased have a drawn area and ratio of sides."""
        return isinstance(self.erase, RandomErasing) or (self.drawn is not None and self.drawn.areas is not None)

    @property
    def varies(self) -> bool:
        """Whether training images are varied at random."""
        return (
            self.cuts_stored
            or self.drawn is not None
            or self.flip
            or bool(self.policy or self.jitter or self.erase)
            or self.colour > 0
        )

    @property
    def some_views_coincide(self) -> bool:
        """Whether some of the ten views coincide, but not all crops. (If they all do, the program uses two views.)"""
        return self.views == 10 and 2 < len(set(self.view_numbers)) < 10

    @property
    def measured_statistics(self) -> tuple[str, ...]:
        """The statistics that the program measures on the training images, in words; of the channels if not of all."""
        mean = {"image": ("mean image",), "channel": ("means",)}.get(str(self.mean), ())
        std = ("standard deviations",) if self.std == "channel" else ()
        return (*mean, *std, *(("principal components of colours",) if self.colour else ()))


def image_preprocessing(graph: Graph) -> ImagePreprocessing:
    """Return how the program of a graph preprocesses images."""
    size, preprocessing, augment = graph.input.output, graph.preprocessing, graph.augment
    mode: Literal["RGB", "L"] | None = None
    if size.is_image:
        mode = {3: "RGB", 1: "L"}.get(size.channels)  # type: ignore[assignment]
    loaded = stored_size(graph)
    return ImagePreprocessing(
        mode=mode,
        bgr=preprocessing.order == "bgr" and mode == "RGB",
        loaded=loaded,
        crops=loaded != (size.height, size.width),
        drawn=drawn_crops(graph),
        pad=augment.pad,
        fill=augment.fill,
        flip=augment.flip == "horizontal",
        erase=augment.erase if mode is not None else None,
        policy=augment.policy if mode is not None else None,
        jitter=_jitter(augment.jitter, mode),
        colour=augment.colour if mode == "RGB" else 0.0,
        mean=preprocessing.mean,
        std=preprocessing.std,
        range=preprocessing.range,
        views=graph.test.views,
        view_numbers=_view_numbers(loaded[0] - size.height, loaded[1] - size.width),
    )


def _view_numbers(down: int, right: int) -> tuple[int, ...]:
    """Return the number of each view among the distinct ones: of the five crops, then of their mirror images."""
    corners = five_crops(down, right)
    distinct = list(dict.fromkeys(corners))
    return tuple(len(distinct) * mirrored + distinct.index(corner) for mirrored in (0, 1) for corner in corners)


def _jitter(jitter: Jitter | None, mode: str | None) -> tuple[float, ...]:
    """Return the numbers of the changes, of which grey images have two."""
    if jitter is None or mode is None:
        return ()
    numbers = (jitter.brightness, jitter.contrast, *((jitter.saturation, jitter.hue) if mode == "RGB" else (0.0, 0.0)))
    return numbers if any(numbers) else ()
