"""The kinds of values that concern the pixels of an image: their range, and what is given per channel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netspec.formatting import format_number
from netspec.keys.kind import BadValue, one_of, unknown_word
from netspec.keys.numbers import OneOf, Real
from netspec.language.syntax import Number, Value, Values, Word

Channels = str | tuple[float, ...]
"""A word, or one number for each channel. A single number holds for all channels."""


_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Means and standard deviations of red, green and blue of ImageNet's pixels (0 to 1), with which torchvision's weights
were trained."""

_OF_ONE = "torchvision's numbers for ImageNet are of pixels from 0 to 1: range=1"


_TO_MINUS_1 = "range= is the value of a white pixel, and black is 0; mean=0.5 and std=0.5 make -1 to 1 of 0 to 1"


@dataclass(frozen=True, slots=True)
class PixelRange(OneOf):
    """The value of a white pixel, where black is 0."""

    numbers: tuple[int, ...] = (255, 1)

    def read(self, value: Value) -> int | str:
        try:
            return OneOf.read(self, value)
        except BadValue as error:
            items = value.items if isinstance(value, Values) else ()
            bounds = tuple(item.value for item in items if isinstance(item, Number))
            if bounds in [(0, white) for white in self.numbers]:
                error.replacement = f"{bounds[1]:g}"
            elif bounds == (-1, 1):
                error.replacement, error.notes = "1", (_TO_MINUS_1,)
                error.companions = (("mean", "0.5"), ("std", "0.5"))
            elif isinstance(value, Number) and value.value == 256:
                error.replacement = "255"
            raise


@dataclass(frozen=True, slots=True)
class PerChannel:
    """One of several words, or numbers: ``0.485,0.456,0.406``."""

    words: tuple[str, ...]
    number: Real = Real()

    @property
    def doc(self) -> str:
        return one_of([*self.words, f"{self.number.doc} for each channel"])

    def read(self, value: Value) -> Channels:
        if isinstance(value, Number | Values):
            return tuple(self.number.read(item) for item in (value.items if isinstance(value, Values) else (value,)))
        if isinstance(value, Word) and value.text in self.words:
            return value.text
        if isinstance(value, Word) and value.text.lower() == "imagenet":
            numbers = _listed(_IMAGENET[0 if "image" in self.words else 1])
            message = f"needs {self.doc}, not '{value.text}'"
            error = BadValue(message, value.span, notes=(_OF_ONE,), replacement=numbers)
            error.companions = (("range", "1"),)
            raise error
        raise unknown_word(value, self.words, self.doc)


def imagenet_keys(white: int, order: str) -> str:
    """Return the ``mean=`` and ``std=`` of torchvision's weights, for pixels from 0 to ``white`` in an ``order`` of
    channels.

    >>> imagenet_keys(255, "bgr")
    'mean=103.53,116.28,123.675 std=57.375,57.12,58.395'
    """
    mean, std = (_listed([white * number for number in (rgb[::-1] if order == "bgr" else rgb)]) for rgb in _IMAGENET)
    return f"mean={mean} std={std}"


def _listed(numbers: Iterable[float]) -> str:
    return ",".join(map(format_number, numbers))
