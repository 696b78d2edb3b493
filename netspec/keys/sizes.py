"""Kinds of sizes: windows, padding and images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netspec.formatting import format_count, format_sizes
from netspec.ir.shape import Shape
from netspec.ir.window import Pad
from netspec.keys.kind import BadValue, shown
from netspec.keys.numbers import MAX_WHOLE, Whole
from netspec.language.syntax import Dims, Number, Value, Values, Word

MAX_SIDE = 2**16
"""The largest window, stride or padding, in pixels."""

_PIXELS = Whole(0)
_SIGNED_PIXELS = Whole(-MAX_WHOLE)


@dataclass(frozen=True, slots=True)
class Size2:
    """A square's side, or height x width. With ``whole_map`` also the word ``global``, which is read as ``None``."""

    low: int = 1
    whole_map: bool = False
    high: int = MAX_SIDE

    @property
    def words(self) -> tuple[str, ...]:
        return ("global",) if self.whole_map else ()

    @property
    def doc(self) -> str:
        most = f" to {self.high}" if self.high < MAX_SIDE else ""
        return f"a whole number from {self.low}{most}, or height x width (3x5)" + (
            ", or global" if self.whole_map else ""
        )

    def read(self, value: Value) -> tuple[int, int] | None:
        if self.whole_map and isinstance(value, Word) and value.text == "global":
            return None
        numbers: tuple[int, ...] = ()
        if isinstance(value, Number) and isinstance(value.value, int):
            numbers = (value.value, value.value)
        elif isinstance(value, Dims):
            numbers = value.values
        if len(numbers) != 2 or min(numbers) < self.low:
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span, replacement=_as_size(value))
        _check_side(max(numbers), value)
        if max(numbers) > self.high:
            raise BadValue(f"is at most {self.high}, not {max(numbers)}", value.span)
        return numbers[0], numbers[1]


def _as_size(value: Value) -> str | None:
    """Return height and width that are given as a list, 3,3, in the notation of a size."""
    items = value.items if isinstance(value, Values) else ()
    return "x".join(shown(item) for item in items) if len(items) == 2 else None


_SAME = "same, as others call it, is (kernel - 1) / 2 on each side at a stride of 1: pad=1 with kernel=3, 2 with 5"
_SAME_OF_A_STRIDE = (
    "at a larger stride TensorFlow pads by (ceil(size / stride) - 1) * stride + kernel - size in total, with the "
    "smaller half before: pad=0,1,0,1 with kernel=3, stride=2 and an even size"
)
_SAME_LOWER = (
    "at a larger stride same-lower, as ONNX calls it, pads by (ceil(size / stride) - 1) * stride + kernel - size in "
    "total, with the larger half before: pad=1,0,1,0 with kernel=3, stride=2 and an even size"
)
_SAME_NOTES = {
    "same": (_SAME, _SAME_OF_A_STRIDE),
    "same-upper": (_SAME, _SAME_OF_A_STRIDE),
    "same-lower": (_SAME, _SAME_LOWER),
}
_SAME_OF_A_DECONV = (
    "same, as Keras calls it, cuts off kernel - stride in total, the smaller half before: pad=1 with kernel=4, "
    "stride=2, and pad=0,1,0,1 with kernel=3, stride=2"
)


def same_word(text: str) -> str | None:
    """Return which padding of other tools a word names: ``same``, or ONNX's ``same-upper`` or ``same-lower``."""
    word = text.lower().replace("_", "-")
    return word if word in _SAME_NOTES else None


@dataclass(frozen=True, slots=True)
class Padding:
    """Padding in pixels: one number for all sides, or left,right,top,bottom. ``signed``: numbers may be negative."""

    words: tuple[str, ...] = ()
    signed: bool = False

    @property
    def doc(self) -> str:
        return f"a whole number{'' if self.signed else ' from 0'} for all sides, or left,right,top,bottom"

    def read(self, value: Value) -> Pad:
        items: Sequence[Value] = value.items if isinstance(value, Values) else (value,)
        if not all(isinstance(item, Number) and isinstance(item.value, int) for item in items):
            message = f"needs {self.doc}, not '{shown(value)}'"
            same = same_word(value.text) if isinstance(value, Word) else None
            if same is not None and (same == "same" or not self.signed):
                notes = (_SAME_OF_A_DECONV,) if self.signed else _SAME_NOTES[same]
                raise BadValue(message, value.span, notes=notes)
            raise BadValue(message, value.span, replacement=_as_padding(value))
        sides = [(_SIGNED_PIXELS if self.signed else _PIXELS).read(item) for item in items]
        _check_side(max(map(abs, sides)), value)
        if len(sides) == 1:
            sides *= 4
        if len(sides) == 2:
            message = f"needs {self.doc}, not 2 numbers"
            raise BadValue(message, value.span, replacement=_all_sides(sides[0], sides[1]))
        if len(sides) != 4:
            raise BadValue(f"needs {self.doc}, not {len(sides)} numbers", value.span)
        return Pad(*sides)


def _as_padding(value: Value) -> str | None:
    """Return the padding that another notation stands for: ``valid``, or a size 0x3."""
    if isinstance(value, Dims):
        return _all_sides(*value.values) if len(value.values) == 2 else ",".join(map(str, value.values))
    return "0" if isinstance(value, Word) and value.text.lower() == "valid" else None


def _all_sides(rows: int, columns: int) -> str:
    """Return padding that is given as height and width, the order of PyTorch and of sizes, for each side."""
    return str(rows) if rows == columns else f"{columns},{columns},{rows},{rows}"


def _check_side(pixels: int, value: Value) -> None:
    if pixels > MAX_SIDE:
        raise BadValue(f"needs at most {format_count(MAX_SIDE)} pixels, not {format_count(pixels)}", value.span)


@dataclass(frozen=True, slots=True)
class ImageShape:
    """Channels x height x width of an image, or the length of a vector."""

    words: tuple[str, ...] = ()
    doc: str = "channels x height x width (3x224x224), or the length of a vector"

    def read(self, value: Value) -> Shape:
        numbers: tuple[int, ...] = ()
        if isinstance(value, Number) and isinstance(value.value, int):
            numbers = (value.value,)
        elif isinstance(value, Dims):
            numbers = value.values
        if len(numbers) not in (1, 3) or min(numbers) < 1 or max(numbers) > MAX_WHOLE:
            notes: tuple[str, ...] = ()
            replacement = None
            if len(numbers) == 2:
                notes = (f"channels stand first: {shown(value)} pixels in colour are 3x{shown(value)}",)
            if len(numbers) == 4:
                notes, replacement = ("the number of images is not part of a shape",), format_sizes(numbers[1:])
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span, notes=notes, replacement=replacement)
        return Shape(*numbers)
