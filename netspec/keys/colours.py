"""The kind of ``colour=``, with its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from netspec.ir.settings import Jitter
from netspec.keys.calls import Argument, Form, known_call
from netspec.keys.kind import BadValue, shown
from netspec.keys.numbers import Real
from netspec.language.syntax import Call, Value, Values

_CHANGE = Real(low=0)

COLOURS: Mapping[str, Form] = {
    "jitter": Form(
        "brightness, contrast and saturation of each image are multiplied by numbers between 1 - b and 1 + b (at least "
        "0), and its hues are turned by a part of the circle between -`hue` and `hue`, in random order: torchvision's "
        "ColorJitter",
        (
            Argument("brightness", _CHANGE, 0.0),
            Argument("contrast", _CHANGE, 0.0),
            Argument("saturation", _CHANGE, 0.0),
            Argument("hue", Real(low=0, high=0.5), 0.0),
        ),
        Jitter,
    ),
    "pca": Form(
        "the colours of each image are shifted by V (a * s), where V are the principal components of the colours of "
        "the training pixels, s the standard deviations along them, and a is drawn from N(0, std^2) each time",
        (Argument("std", Real(low=0), required=True),),
    ),
    "none": Form("no change"),
}


@dataclass(frozen=True, slots=True)
class Colours:
    """The kind of ``colour=``. It is read as the arguments ``jitter`` and ``colour`` of ``ir.settings.Augment``."""

    forms: ClassVar = COLOURS
    words: tuple[str, ...] = tuple(COLOURS)
    doc: str = "jitter(...), pca(std), both in this order, or none"

    def read(self, value: Value) -> dict[str, Any]:
        if isinstance(value, Values):
            return self._read_list(value)
        call = known_call(value, self.words, self.doc)
        given = COLOURS[call.name.text].read(call)
        if call.name.text == "pca":
            return {"colour": float(given["std"])}
        if call.name.text == "none":
            return {}
        if given == Jitter():
            raise BadValue("'jitter' needs at least one change: jitter(brightness=0.4)", value.span)
        return {"jitter": given}

    def _read_list(self, values: Values) -> dict[str, Any]:
        names = [item.name.text if isinstance(item, Call) else "" for item in values.items]
        if names == ["pca", "jitter"]:
            first, second = values.items
            message = "the colours are jittered before they are shifted"
            raise BadValue(message, values.span, replacement=f"{shown(second)},{shown(first)}")
        if names != ["jitter", "pca"]:
            raise BadValue(f"needs {self.doc}, not '{shown(values)}'", values.span)
        return self.read(values.items[0]) | self.read(values.items[1])
