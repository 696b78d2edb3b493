"""Kinds of values that a key can have: each reads a value of the syntax, or says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from netspec.diagnostics.nearest import nearest
from netspec.ir.shape import Shape
from netspec.ir.window import Pad
from netspec.language.syntax import Call, Dims, Number, Pair, Value, Values, Word
from netspec.source import Span
from netspec.units import count, plain, plural

LARGEST_SIDE = 2**16
"""No window, step or padding has more pixels."""

LARGEST = 2**31
"""Nothing in a spec is larger: a layer with more units or weights is an error."""


_COMMENT = re.compile(r"#[^\r\n]*")

LARGEST_REAL = 3.4e38
"""What float32 holds, in which a network computes: no number of a spec is larger, either way."""

SMALLEST_REAL = 1.2e-38
"""What float32 holds to its full precision: a number that must be above 0 is no smaller, or it could be 0 there."""


class BadValue(Exception):
    """A value that its key cannot have. ``replacement`` is the text that would mend it, if one is near, and ``beside``
    the key, with its value, that it holds with alone; ``others`` is what else is wrong with the same value."""

    others: tuple[BadValue, ...] = ()
    beside: tuple[str, str] | None = None

    def __init__(
        self, message: str, span: Span, *, notes: tuple[str, ...] = (), replacement: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.notes = notes
        self.replacement = replacement


class Kind(Protocol):
    """How a key's value is read, and what it may be, in words."""

    @property
    def doc(self) -> str: ...

    @property
    def words(self) -> tuple[str, ...]:
        """The words that may stand here, for suggestions and completion."""
        ...

    def read(self, value: Value) -> Any: ...


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    low: int = 1
    high: int = LARGEST
    words: tuple[str, ...] = ()

    @property
    def doc(self) -> str:
        return f"a whole number from {self.low}" + (f" to {count(self.high)}" if self.high < LARGEST else "")

    def read(self, value: Value) -> int:
        if not isinstance(value, Number) or not isinstance(value.value, int):
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span)
        if value.value > self.high:
            raise BadValue(f"is at most {count(self.high)}, not {value.value}", value.span)
        if value.value < self.low:
            raise BadValue(f"needs {self.doc}, not {value.value}", value.span)
        return value.value


@dataclass(frozen=True, slots=True)
class Real:
    """A number within bounds and within float32; ``above`` and ``below`` exclude the bound itself."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    words: tuple[str, ...] = ()

    @property
    def doc(self) -> str:
        bounds = [
            f"{word} {count(int(bound)) if bound >= 1000 else plain(bound)}"
            for word, bound in (
                ("from", self.low),
                ("above", self.above),
                ("up to", self.high),
                ("below", self.below),
            )
            if bound is not None
        ]
        return " ".join(["a number", *bounds])

    def read(self, value: Value) -> float:
        if not isinstance(value, Number):
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span)
        number = float(value.value)
        fits = (
            (self.low is None or number >= self.low)
            and (self.high is None or number <= self.high)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )
        if not fits:
            raise BadValue(f"needs {self.doc}, not {plain(number)}", value.span)
        if abs(number) > LARGEST_REAL:
            bounds = f"-{plain(LARGEST_REAL)} to {plain(LARGEST_REAL)}"
            raise BadValue(f"needs a number that float32 holds ({bounds}), not {plain(number)}", value.span)
        if self.above == 0 and number < SMALLEST_REAL:
            least = f"of {plain(SMALLEST_REAL)} or more, the least above 0 that float32 holds well"
            raise BadValue(f"needs a number {least}, not {plain(number)}", value.span)
        return number


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words, each with what it stands for."""

    options: Mapping[str, Any]

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.options)

    @property
    def doc(self) -> str:
        return one_of(self.words)

    def read(self, value: Value) -> Any:
        if isinstance(value, Word) and value.text in self.options:
            return self.options[value.text]
        raise unknown_word(value, self.words, self.doc)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several whole numbers."""

    numbers: tuple[int, ...]
    words: tuple[str, ...] = ()

    @property
    def doc(self) -> str:
        return one_of(tuple(map(str, self.numbers)))

    def read(self, value: Value) -> int:
        if isinstance(value, Number) and value.value in self.numbers:
            return int(value.value)
        raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span)


@dataclass(frozen=True, slots=True)
class GpuPlace:
    """A GPU group's number, several of them (read as a tuple), or ``all``."""

    words: tuple[str, ...] = ("all",)
    doc: str = "a whole number from 0, several of them, or all"

    def read(self, value: Value) -> Any:
        if isinstance(value, Word):
            if value.text == "all":
                return "all"
            raise unknown_word(value, self.words, self.doc)
        if isinstance(value, Values):
            numbers = tuple(Whole(0).read(item) for item in value.items)
            if len(set(numbers)) < len(numbers):
                raise BadValue("names a group twice", value.span)
            return numbers
        return Whole(0).read(value)


@dataclass(frozen=True, slots=True)
class Size2:
    """A square's side, or height x width; with ``whole_map``, also the word ``global``, read as ``None``."""

    low: int = 1
    whole_map: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        return ("global",) if self.whole_map else ()

    @property
    def doc(self) -> str:
        return f"a whole number from {self.low}, or height x width (3x5)" + (", or global" if self.whole_map else "")

    def read(self, value: Value) -> tuple[int, int] | None:
        if self.whole_map and isinstance(value, Word) and value.text == "global":
            return None
        numbers: tuple[int, ...] = ()
        if isinstance(value, Number) and isinstance(value.value, int):
            numbers = (value.value, value.value)
        elif isinstance(value, Dims):
            numbers = value.values
        if len(numbers) != 2 or not all(self.low <= n for n in numbers):
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span, replacement=_as_size(value))
        _check_side(max(numbers), value)
        return numbers[0], numbers[1]


def _as_size(value: Value) -> str | None:
    """Height and width that are given as a list, 3,3, as a size is written."""
    items = value.items if isinstance(value, Values) else ()
    return "x".join(shown(item) for item in items) if len(items) == 2 else None


_SAME = "same, as others call it, is (kernel - 1) / 2 on each side at a stride of 1: pad=1 with kernel=3, 2 with 5"


@dataclass(frozen=True, slots=True)
class Padding:
    """Pixels all round, or left,right,top,bottom."""

    words: tuple[str, ...] = ()
    doc: str = "a whole number from 0 for all sides, or left,right,top,bottom"

    def read(self, value: Value) -> Pad:
        items: Sequence[Value] = value.items if isinstance(value, Values) else (value,)
        if not all(isinstance(item, Number) and isinstance(item.value, int) for item in items):
            message = f"needs {self.doc}, not '{shown(value)}'"
            if isinstance(value, Word) and value.text.lower() == "same":
                raise BadValue(message, value.span, notes=(_SAME,))
            valid = isinstance(value, Word) and value.text.lower() == "valid"
            raise BadValue(message, value.span, replacement="0" if valid else None)
        sides = [Whole(0).read(item) for item in items]
        _check_side(max(sides), value)
        if len(sides) == 1:
            sides *= 4
        if len(sides) == 2:
            rows, columns = sides  # PyTorch's order: height, width
            around = str(rows) if rows == columns else f"{columns},{columns},{rows},{rows}"
            raise BadValue(f"needs {self.doc}, not 2 numbers", value.span, replacement=around)
        if len(sides) != 4:
            raise BadValue(f"needs {self.doc}, not {len(sides)} numbers", value.span)
        return Pad(*sides)


def _check_side(pixels: int, value: Value) -> None:
    if pixels > LARGEST_SIDE:
        raise BadValue(f"needs at most {count(LARGEST_SIDE)} pixels, not {count(pixels)}", value.span)


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
        if len(numbers) not in (1, 3) or not all(1 <= n <= LARGEST for n in numbers):
            notes: tuple[str, ...] = ()
            meant = None
            if len(numbers) == 2:
                notes = (f"channels stand first: {shown(value)} pixels in colour are 3x{shown(value)}",)
            if len(numbers) == 4:
                notes, meant = ("the number of images is no part of a shape",), "x".join(map(str, numbers[1:]))
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span, notes=notes, replacement=meant)
        return Shape(*numbers)


@dataclass(frozen=True, slots=True)
class LayerNames:
    """Names of layers; what they name is looked up by the checker."""

    words: tuple[str, ...] = ()
    doc: str = "names of layers"

    def read(self, value: Value) -> tuple[str, ...]:
        items: Sequence[Value] = value.items if isinstance(value, Values) else (value,)
        for item in items:
            if not isinstance(item, Word):
                raise BadValue(f"needs {self.doc}, not '{shown(item)}'", item.span)
        return tuple(item.text for item in items if isinstance(item, Word))


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call: ``lr`` of ``sgd(lr=0.01)``, which must be given where it is ``required``.

    ``default_text`` is what holds without it, in words, where the default is no number.
    """

    name: str
    kind: Kind
    default: Any = None
    required: bool = False
    default_text: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A word that a key's value may begin with: what it means, and the numbers that it takes."""

    doc: str
    arguments: tuple[Argument, ...] = ()


def arguments(call: Call, known: tuple[Argument, ...]) -> dict[str, Any]:
    """A call's arguments by name, positional ones in order; raises ``BadValue`` for all that does not fit."""
    given: dict[str, Value] = {}
    wrong: list[BadValue] = []
    if len(call.args) > len(known):
        wrong.append(
            BadValue(f"'{call.name.text}' takes at most {plural(len(known), 'value')}", call.args[len(known)].span)
        )
    for argument, value in zip(known, call.args, strict=False):
        given[argument.name] = value
    names = [a.name for a in known]
    for pair in call.named:
        try:
            _check_name(call, pair, names, given)
            given[pair.key.text] = pair.value
        except BadValue as error:
            wrong.append(error)
    for argument in known if not wrong else ():  # what is missing is most likely what has a wrong name
        if argument.required and argument.name not in given:
            raise BadValue(f"'{call.name.text}' needs {argument.name}, {argument.kind.doc}", call.span)
    values: dict[str, Any] = {}
    for argument in known:
        try:
            values[argument.name] = (
                argument.kind.read(given[argument.name]) if argument.name in given else argument.default
            )
        except BadValue as error:
            between = " " if error.message.startswith("needs") else ": "
            error.message = f"{argument.name}{between}{error.message}"
            wrong.append(error)
    if wrong:
        wrong[0].others = tuple(wrong[1:])
        raise wrong[0]
    return values


def _check_name(call: Call, pair: Pair, names: list[str], given: Mapping[str, Value]) -> None:
    if pair.key.text not in names:
        near = nearest(pair.key.text, names)
        raise BadValue(
            f"'{call.name.text}' has no {pair.key.text}" + (f"; did you mean {near}?" if near else ""),
            pair.key.span,
            replacement=near,
        )
    if pair.key.text in given:
        raise BadValue(f"'{call.name.text}' is given {pair.key.text} twice", pair.span)


def unknown_word(value: Value, words: tuple[str, ...], doc: str) -> BadValue:
    """The complaint about a word that is none of those that may stand here."""
    word = value.text if isinstance(value, Word) else value.name.text if isinstance(value, Call) else None
    span = value.name.span if isinstance(value, Call) else value.span
    near = nearest(word, words) if word else None
    if near and near != word:
        return BadValue(
            f"'{word}' is unknown; did you mean {near}?", span, notes=(f"it may be {doc}",), replacement=near
        )
    return BadValue(f"needs {doc}, not '{shown(value)}'", value.span)


def shown(value: Value | Pair) -> str:
    """A value, or a key with its value, as it is written, without comments between its lines, shortened."""
    text = " ".join(_COMMENT.sub("", value.span.text).split())
    return text if len(text) <= 40 else text[:37] + "..."


def one_of(words: Sequence[str]) -> str:
    """``a, b or c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
