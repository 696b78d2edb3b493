"""The kind of ``erase=``, with its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, get_args

from netspec.ir.settings import Cutout, ErasedWith, RandomErasing
from netspec.keys.calls import Argument, Form, known_call
from netspec.keys.kind import BadValue, shown
from netspec.keys.numbers import Real, Whole
from netspec.keys.words import Choice
from netspec.language.syntax import Number, Value

_SHARE = Real(above=0, high=1)
_RATIO = Real(above=0)
_USUAL = RandomErasing()
_FILL = Argument("fill", Choice({word: word for word in get_args(ErasedWith)}), _USUAL.fill, default_text=_USUAL.fill)
_FILLS = (
    "With fill=noise it becomes random numbers of the normal distribution, and with fill=colour one for each channel, "
    "as in PyTorch Image Models (pixel, rand); their standard deviation is 1 if the input has std=, and else a quarter "
    "of range="
)

ERASED: Mapping[str, Form] = {
    "cutout": Form(
        "a square with sides of `length` pixels, around a pixel drawn from all of the crop, becomes 0; what of it is "
        f"outside of the crop is cut off (DeVries & Taylor 2017). {_FILLS}",
        (Argument("length", Whole(), required=True), _FILL),
        Cutout,
    ),
    "random": Form(
        "with the probability `p`, a rectangle becomes 0, whose share of the crop's area and ratio of height to width "
        "are drawn from these ranges, the ratio by its logarithm (Zhong et al. 2017); the defaults are those of "
        "torchvision's RandomErasing, whose value=random is fill=noise",
        (
            Argument("p", _SHARE, _USUAL.p),
            Argument("min_area", _SHARE, _USUAL.min_area),
            Argument("max_area", _SHARE, _USUAL.max_area),
            Argument("min_aspect", _RATIO, _USUAL.min_aspect),
            Argument("max_aspect", _RATIO, _USUAL.max_aspect),
            _FILL,
        ),
        RandomErasing,
    ),
    "none": Form("nothing is erased"),
}


@dataclass(frozen=True, slots=True)
class Erase:
    """The kind of ``erase=``. It is read as an ``ir.settings.Cutout`` or ``RandomErasing``, or as ``None``."""

    forms: ClassVar = ERASED
    words: tuple[str, ...] = tuple(ERASED)
    doc: str = "cutout(length), random(p) or none"

    def read(self, value: Value) -> Cutout | RandomErasing | None:
        call = known_call(value, self.words, self.doc, _of_number)
        given = ERASED[call.name.text].read(call)
        if isinstance(given, RandomErasing):
            for name in ("area", "aspect"):
                least, most = getattr(given, f"min_{name}"), getattr(given, f"max_{name}")
                if least > most:
                    raise BadValue(f"'random' has min_{name}={least} above max_{name}={most}", value.span)
        return given or None


def _of_number(number: Number) -> str:
    return f"{'random' if number.value <= 1 else 'cutout'}({shown(number)})"
