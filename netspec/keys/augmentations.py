"""The kinds of values of the augment line: ranges that numbers are drawn from, and colour=, policy= and erase= with
their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

from netspec.diagnostics.other_tools.augmentations import TIMM_POLICY
from netspec.formatting import format_number
from netspec.ir.settings import (
    MOST_OPERATIONS,
    POLICY_LEVELS,
    Cutout,
    ErasedWith,
    Jitter,
    RandAugment,
    RandomErasing,
    TrivialAugment,
)
from netspec.keys.calls import Argument, Form, known_call
from netspec.keys.kind import BadValue, shown
from netspec.keys.numbers import Real, Whole
from netspec.keys.words import Choice
from netspec.language.syntax import Call, Number, Value, Values, Word

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


_SHARE = Real(above=0, high=1)
_RATIO = Real(above=0)
_USUAL_ERASING = RandomErasing()
_FILL = Argument("fill", Choice(get_args(ErasedWith)), _USUAL_ERASING.fill, default_text=_USUAL_ERASING.fill)
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
            Argument("p", _SHARE, _USUAL_ERASING.p),
            Argument("min_area", _SHARE, _USUAL_ERASING.min_area),
            Argument("max_area", _SHARE, _USUAL_ERASING.max_area),
            Argument("min_aspect", _RATIO, _USUAL_ERASING.min_aspect),
            Argument("max_aspect", _RATIO, _USUAL_ERASING.max_aspect),
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


_USUAL_POLICY = RandAugment()
_OPERATIONS = (
    "of the 14 operations identity, shearing and shifting in both directions, rotation, brightness, colour, contrast, "
    "sharpness, posterising, solarising, stretching of the contrast and equalisation"
)

POLICIES: Mapping[str, Form] = {
    "trivialaugment": Form(
        f"one {_OPERATIONS} is drawn for each image, and how strong it is, from 31 levels (Müller & Hutter 2021), as "
        "with torchvision's TrivialAugmentWide",
        make=TrivialAugment,
    ),
    "randaugment": Form(
        f"`count` {_OPERATIONS} are drawn for each image and done one after the other, all of the strength `magnitude` "
        "(Cubuk et al. 2020), as with torchvision's RandAugment",
        (
            Argument("count", Whole(1, MOST_OPERATIONS), _USUAL_POLICY.count),
            Argument("magnitude", Whole(0, POLICY_LEVELS - 1), _USUAL_POLICY.magnitude),
        ),
        RandAugment,
    ),
    "none": Form("no such operations"),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The kind of ``policy=``. It is read as an ``ir.settings.TrivialAugment`` or ``RandAugment``, or as ``None``."""

    forms: ClassVar = POLICIES
    words: tuple[str, ...] = tuple(POLICIES)
    doc: str = "trivialaugment, randaugment(count, magnitude) or none"

    def read(self, value: Value) -> TrivialAugment | RandAugment | None:
        if isinstance(value, Word) and value.text.startswith("rand-m"):
            raise BadValue(f"needs {self.doc}, not '{value.text}'", value.span, notes=(TIMM_POLICY,))
        call = known_call(value, self.words, self.doc)
        return POLICIES[call.name.text].read(call) or None


@dataclass(frozen=True, slots=True)
class Sides:
    """A whole number, or two: read as a number, or as a tuple if the two differ."""

    words: tuple[str, ...] = ()
    doc: str = "a whole number from 1, or the least and the greatest: 256,512"

    def read(self, value: Value) -> int | tuple[int, int]:
        if not isinstance(value, Values):
            if isinstance(value, Number) and isinstance(value.value, int) and value.value >= 1:
                return Whole().read(value)
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span)
        if len(value.items) != 2:
            raise BadValue(f"needs {self.doc}, not {len(value.items)} numbers", value.span)
        low, high = (Whole().read(item) for item in value.items)
        _check_order(low, high, value)
        return low if low == high else (low, high)


@dataclass(frozen=True, slots=True)
class Range:
    """Two numbers above 0, the least and the greatest, which is at most ``high``. A single one means it and ``high``,
    or without ``high`` that nothing is drawn."""

    example: str
    high: float | None = None
    words: tuple[str, ...] = ()

    @property
    def doc(self) -> str:
        bound = "" if self.high is None else f" up to {format_number(self.high)}"
        return f"two numbers above 0{bound}, the least and the greatest: {self.example}"

    def read(self, value: Value) -> tuple[float, float]:
        items = value.items if isinstance(value, Values) else (value,)
        if len(items) != 2:
            message = f"needs {self.doc}, not '{shown(value)}'"
            raise BadValue(message, value.span, replacement=self._completed(value))
        try:
            low, high = (Real(above=0, high=self.high).read(item) for item in items)
        except BadValue as error:
            error.replacement, error.span = self._as_shares(items), value.span
            raise
        _check_order(low, high, value)
        return low, high

    def _as_shares(self, items: Sequence[Value]) -> str | None:
        """Return percentages as shares of 1."""
        numbers = [item.value for item in items if isinstance(item, Number) and 0 < item.value <= 100]
        if self.high != 1 or len(numbers) < len(items) or max(numbers) <= 1:
            return None
        return ",".join(format_number(number / 100) for number in numbers)

    def _completed(self, value: Value) -> str | None:
        """Return the range that a single number may stand for."""
        if not isinstance(value, Number) or not 0 < value.value <= (self.high or value.value):
            return None
        other = format_number(self.high) if self.high is not None else shown(value)
        return f"{shown(value)},{other}"


def _check_order(low: float, high: float, value: Value) -> None:
    if low > high and isinstance(value, Values):
        first, second = map(shown, value.items)
        message = f"has the least first: {second},{first}"
        raise BadValue(message, value.span, replacement=f"{second},{first}")
