"""The kind of values that are given per channel of an image."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.keys.kind import BadValue, one_of, unknown_word
from netspec.keys.numbers import Real
from netspec.language.syntax import Number, Value, Values, Word

Channels = str | tuple[float, ...]
"""A word, or one number for each channel. A single number holds for all channels."""


IMAGENET = {"imagenet": ("0.485,0.456,0.406", "0.229,0.224,0.225")}
"""The means and standard deviations of red, green and blue with which torchvision's weights were trained."""

_OF_ONE = "torchvision's numbers for ImageNet are of pixels from 0 to 1: range=1"


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
        if isinstance(value, Word) and value.text.lower() in IMAGENET:
            numbers = IMAGENET[value.text.lower()][0 if "image" in self.words else 1]
            message = f"needs {self.doc}, not '{value.text}'"
            error = BadValue(message, value.span, notes=(_OF_ONE,), replacement=numbers)
            error.companion = "range", "1"
            raise error
        raise unknown_word(value, self.words, self.doc)
