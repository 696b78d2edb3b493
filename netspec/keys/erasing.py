"""The kind of ``erase=``, with its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from netspec.ir.settings import Cutout, RandomErasing
from netspec.keys.calls import Argument, Form, known_call
from netspec.keys.kind import BadValue, shown
from netspec.keys.numbers import Real, Whole
from netspec.language.syntax import Number, Value

_SHARE = Real(above=0, high=1)
_RATIO = Real(above=0)
_USUAL = RandomErasing()

ERASED: Mapping[str, Form] = {
    "cutout": Form(
        "a square with sides of `length` pixels, around a pixel drawn from all of the crop, becomes 0; what of it is "
        "outside of the crop is cut off (DeVries & Taylor 2017)",
        (Argument("length", Whole(), required=True),),
        Cutout,
    ),
    "random": Form(
        "with the probability `p`, a rectangle becomes 0, whose share of the crop's area and ratio of height to width "
        "are drawn from these ranges, the ratio by its logarithm (Zhong et al. 2017); the defaults are those of "
        "torchvision's RandomErasing",
        (
            Argument("p", _SHARE, _USUAL.p),
            Argument("min_area", _SHARE, _USUAL.min_area),
            Argument("max_area", _SHARE, _USUAL.max_area),
            Argument("min_aspect", _RATIO, _USUAL.min_aspect),
            Argument("max_aspect", _RATIO, _USUAL.max_aspect),
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
