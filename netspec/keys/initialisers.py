"""Initialisers: the words of ``init=`` and ``bias=``, and the distributions that they stand for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from netspec.diagnostics.nearest import is_slip, nearest
from netspec.diagnostics.other_tools.words import plain_word
from netspec.ir.distribution import Bilinear, Constant, Distribution, Normal, Uniform
from netspec.keys.calls import Argument, Form, arguments, as_call, notation
from netspec.keys.kind import BadValue, one_of, shown, unknown_word
from netspec.keys.numbers import Real
from netspec.language.syntax import Call, Number, Value, Word


@dataclass(frozen=True, slots=True)
class Initialiser:
    """``gaussian(0.01)`` or ``he``: a word and its numbers."""

    word: str
    numbers: tuple[float, ...] = ()

    def distribution(self, fan_in: float, fan_out: float, kernel: tuple[int, ...] = ()) -> Distribution:
        """Return the distribution of initial values. ``fan_in`` and ``fan_out`` are as in ``ParamShape``; ``kernel`` is
        the height and width of the kernels, which only ``bilinear`` needs."""
        if self.word == BILINEAR:
            height, width = kernel
            return Bilinear((height, width))
        return _FORMULAS[self.word](self.numbers, fan_in, fan_out)


def _bound(value: float) -> Uniform:
    return Uniform(-value, value)


INITIALISERS: Mapping[str, Form] = {
    "gaussian": Form(
        "normal distribution with this standard deviation and mean",
        (Argument("std", Real(low=0), required=True), Argument("mean", Real(), 0.0)),
    ),
    "uniform": Form("uniform distribution from -bound to bound", (Argument("bound", Real(low=0), required=True),)),
    "constant": Form("all values are equal to `value`", (Argument("value", Real(), required=True),)),
    "xavier": Form(
        "uniform distribution from -b to b with b = sqrt(6 / (fan_in + fan_out)); Glorot & Bengio (2010), formula 16"
    ),
    "he": Form("normal distribution with standard deviation sqrt(2 / fan_in); He et al. (2015), formula 10"),
    "torch": Form(
        "uniform distribution from -b to b with b = 1 / sqrt(fan_in), the default of torch.nn.Conv2d and "
        "torch.nn.Linear"
    ),
}
"""The words of ``init=``. ``bias=`` takes them too."""

BILINEAR = "bilinear"
OF_KERNELS: Mapping[str, Form] = {
    **INITIALISERS,
    BILINEAR: Form(
        "not drawn: each kernel has the weights of a bilinear interpolation, as Caffe's filler of this name. With a "
        "kernel of 2 s - s mod 2 pixels, a stride of s and groups= as many as channels, a deconv enlarges maps s times"
    ),
}
"""The words of ``init=`` of layers whose weights are kernels that slide over maps."""

BIASES: Mapping[str, Form] = {"none": Form("no biases"), **INITIALISERS}

_FORMULAS: Mapping[str, Callable[[tuple[float, ...], float, float], Distribution]] = {
    "gaussian": lambda n, fan_in, fan_out: Normal(n[1], n[0]),
    "uniform": lambda n, fan_in, fan_out: _bound(n[0]),
    "constant": lambda n, fan_in, fan_out: Constant(n[0]),
    "xavier": lambda n, fan_in, fan_out: _bound(math.sqrt(6 / (fan_in + fan_out))),
    "he": lambda n, fan_in, fan_out: Normal(0.0, math.sqrt(2 / fan_in)),
    "torch": lambda n, fan_in, fan_out: _bound(1 / math.sqrt(fan_in)),
}

WORDS = tuple(INITIALISERS)


@dataclass(frozen=True, slots=True)
class Init:
    """The kind of ``init=``; ``of_kernels`` if the weights are kernels that slide over maps."""

    of_kernels: bool = False

    @property
    def forms(self) -> Mapping[str, Form]:
        """The words and their arguments."""
        return OF_KERNELS if self.of_kernels else INITIALISERS

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.forms)

    @property
    def doc(self) -> str:
        return one_of([notation(word, form.arguments) for word, form in self.forms.items()])

    def read(self, value: Value) -> Initialiser:
        call = as_call(value)
        misordered = call and _other_tools_numbers(call)
        if misordered:
            raise misordered
        if call is None or call.name.text not in self.forms:
            raise _unknown(value, self.words, self.doc)
        numbers = arguments(call, self.forms[call.name.text].arguments)
        return Initialiser(call.name.text, tuple(numbers.values()))


def _other_tools_numbers(call: Call) -> BadValue | None:
    """Return the error for two numbers in the order of other tools: a normal distribution's mean and standard
    deviation, or a uniform one's lower and upper bound."""
    word, numbers = call.name.text, [value for value in call.args if isinstance(value, Number)]
    if len(numbers) != 2 or len(call.args) != 2 or call.named:
        return None
    (first, first_text), (second, second_text) = ((number.value, number.span.text) for number in numbers)
    if word == "uniform":
        symmetric = first == -second < 0
        replacement = f"uniform({second_text})" if symmetric else None
        message = f"uniform takes one number, not {first_text} and {second_text}"
        return BadValue(message, call.span, notes=("uniform(bound) is from -bound to bound",), replacement=replacement)
    if word == "gaussian":
        if first or not second:
            return None
        message = f"gaussian has a standard deviation of 0 here, and a mean of {second_text}"
    elif nearest(word, WORDS) == "gaussian" and not is_slip(word, "gaussian"):
        message = f"'{word}' is unknown; did you mean gaussian?"
    else:
        return None
    meant = f"gaussian({second_text}, {first_text})" if first else f"gaussian({second_text})"
    notes = ("the standard deviation stands first: gaussian(std, mean), and a mean of 0 may be left out",)
    return BadValue(message, call.span, notes=notes, replacement=meant if second > 0 else None)


_CONSTANTS = {"zero": "constant(0)", "zeros": "constant(0)", "one": "constant(1)", "ones": "constant(1)"}
"""Initialisers of other tools without arguments, and how they are written here."""

_NORMAL = (
    "xavier is uniform; the normal distribution of the same variance is gaussian(std), "
    "std = sqrt(2 / (fan_in + fan_out))"
)
_UNIFORM = "he is normal; the uniform distribution of the same variance is uniform(bound), bound = sqrt(6 / fan_in)"
_VARIANTS = {"glorotnormal": _NORMAL, "heuniform": _UNIFORM, "kaiminguniform": _UNIFORM, "xaviernormal": _NORMAL}
"""Initialisers of other tools that differ from those here in the distribution, and how to write them."""


def _unknown(value: Value, words: tuple[str, ...], doc: str) -> BadValue:
    """Return the error for a value that is not an initialiser: one of another tool's, or an unknown word."""
    call = as_call(value)
    error = (call and _other_tools_word(call)) or unknown_word(value, words, doc)
    if isinstance(value, Number) and value.value > 0:
        number = shown(value)
        drawn = f"gaussian({number}) draws them with this standard deviation"
        error.notes = (f"constant({number}) makes all weights {number}, {drawn}",)
    return error


def _other_tools_word(call: Call) -> BadValue | None:
    """Return the error for an initialiser of other tools that must not be taken for the one with the nearest name."""
    word = call.name.text
    plain = plain_word(word).strip("_")
    if plain in _CONSTANTS and not (call.args or call.named):
        meant = _CONSTANTS[plain]
        return BadValue(f"'{word}' is unknown; did you mean {meant}?", call.span, replacement=meant)
    if plain in _VARIANTS:
        return BadValue(f"'{word}' is unknown", call.name.span, notes=(_VARIANTS[plain],))
    if plain == BILINEAR:
        note = "bilinear is for the weights of conv and deconv"
        return BadValue(f"'{word}' is not an initial value of this layer", call.name.span, notes=(note,))
    return None


_SWITCHES = {"true": "0", "yes": "0", "false": "none", "no": "none"}
"""Values of ``bias=`` from tools where it is a switch, and what they mean here."""

_BEGIN = "bias= sets the initial biases; for a layer without biases, write bias=none"


@dataclass(frozen=True, slots=True)
class BiasInit:
    """The kind of ``bias=``: a number, an initialiser, or ``none`` (read as ``None``) for no bias at all."""

    forms: ClassVar = BIASES
    words: tuple[str, ...] = tuple(BIASES)

    @property
    def doc(self) -> str:
        return f"a number, none, or {Init().doc}"

    def read(self, value: Value) -> Initialiser | None:
        if isinstance(value, Number):
            return Initialiser("constant", (Real().read(value),))
        if isinstance(value, Word) and value.text == "none":
            return None
        if isinstance(value, Word) and value.text.lower() in _SWITCHES:
            meant = _SWITCHES[value.text.lower()]
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span, notes=(_BEGIN,), replacement=meant)
        call = as_call(value)
        known = call is not None and (call.name.text in INITIALISERS or _other_tools_numbers(call))
        if not known:
            raise _unknown(value, self.words, self.doc)
        return Init().read(value)


ZERO = Initialiser("constant", (0.0,))
HE = Initialiser("he")
