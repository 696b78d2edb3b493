"""The outcome of a test of dense networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from netspec.formatting import format_count
from netspec.train.data.splits import Pixels
from netspec.train.evaluation.outcome import Counted
from netspec.train.learning.pixels import PixelEvaluation

KEPT = 12
"""The number of images, those with the most wrong pixels, whose masks are kept to be drawn."""


@dataclass(frozen=True, slots=True)
class ImageResult:
    """The result on an image: its name, the number of its labelled pixels, of those that got the right class, and the
    mean IoU of the classes that occur in it or were predicted (0 to 1)."""

    name: str
    pixels: int
    right: int
    mean_iou: float

    @property
    def wrong_share(self) -> float:
        return 1 - self.right / self.pixels


@dataclass(frozen=True, slots=True)
class Drawn:
    """An image with its mask and the predicted one, to be drawn: the part that the scores belong to, or all of it,
    (channels, height, width), and the classes at the places of the scores, (rows, columns), or of all pixels."""

    result: ImageResult
    image: Pixels
    mask: Pixels
    predicted: Pixels


@dataclass(frozen=True, slots=True)
class PixelOutcome(Counted):
    """The outcome of a test of dense networks, whose scores are averaged if there are several ``networks``. ``view``
    is what they saw of each image.

    ``evaluation`` has the results on all pixels; ``results`` those of each image with labelled pixels; ``worst`` images
    have the greatest share of wrong pixels; ``peak`` is the value of full brightness in them.
    """

    evaluation: PixelEvaluation
    networks: int
    view: str
    results: tuple[ImageResult, ...]
    worst: tuple[Drawn, ...]
    peak: int

    counted = "pixels"
    class_columns = ("pixels", "right", "IoU")
    mistake_columns = ("image", "pixels", "pixels_right", "mean_iou")

    @property
    def full_protocol(self) -> str:
        return f"{self.protocol}; {format_count(self.evaluation.pixels)} labelled pixels"

    @property
    def summary(self) -> str:
        found = self.evaluation
        return f"pixels right {100 * found.pixels_right:.2f} %, mean IoU {100 * found.mean_iou:.2f} %"

    @property
    def numbers(self) -> dict[str, float]:
        found = self.evaluation
        return {"pixels": found.pixels, "pixels_right": found.pixels_right, "mean_iou": found.mean_iou}

    def class_numbers(self) -> list[dict[str, Any]]:
        counts = zip(self.classes, self.per_class, self.per_class_right, self.evaluation.iou.values(), strict=True)
        return [
            {"class": name, "pixels": int(n), "right": int(right) / int(n) if n else None, "iou": iou}
            for name, n, right, iou in counts
        ]

    def class_row(self, number: int) -> tuple[str, ...]:
        iou = self.class_score(number)
        pixels = format_count(int(self.per_class[number]))
        return pixels, self._right_in_percent(number), f"{100 * iou:.1f} %" if iou is not None else "-"

    def class_score(self, number: int) -> float | None:
        return self.evaluation.iou[self.classes[number]]

    def mistake_rows(self) -> Iterator[tuple[str | int | float, ...]]:
        for result in self.mistaken:
            yield result.name, result.pixels, result.right / result.pixels, result.mean_iou

    @property
    def headline(self) -> str:
        right = f"{100 * self.evaluation.pixels_right:.1f} % right"
        return f"{right}, mean IoU {100 * self.evaluation.mean_iou:.1f} %, in {format_count(self.used)} images"

    @property
    def protocol(self) -> str:
        return self.view if self.networks == 1 else f"mean softmax of {self.networks} networks, {self.view}"

    @property
    def mistaken(self) -> list[ImageResult]:
        """The images with wrong pixels, those with the greatest share of them first."""
        wrong = [result for result in self.results if result.right < result.pixels]
        return sorted(wrong, key=lambda result: -result.wrong_share)  # stable: then in the order of the images


@dataclass(slots=True)
class Worst:
    """The ``images`` with the greatest share of wrong pixels so far, at most ``KEPT``, the worst one first."""

    images: list[Drawn] = field(default_factory=list)

    def takes(self, result: ImageResult) -> bool:
        """Whether an image is one of the worst so far."""
        return result.wrong_share > (self.images[-1].result.wrong_share if len(self.images) == KEPT else 0)

    def add(self, drawn: Drawn) -> None:
        """Take an image in place of the best of them, if they are as many as are kept."""
        self.images = sorted([*self.images, drawn], key=lambda image: -image.result.wrong_share)[:KEPT]
