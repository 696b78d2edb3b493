"""The kinds of ``schedule=`` and ``warmup=``, with their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from netspec.ir import settings as ir
from netspec.keys.calls import Argument, Form, arguments, as_call, notation
from netspec.keys.kind import BadValue, one_of, shown, unknown_word
from netspec.keys.numbers import Real, Whole
from netspec.keys.words import Choice
from netspec.language.syntax import Call, Number, Value

_FALL = Argument("factor", Real(above=0, high=1), 0.1)
_FREEZE = Argument("freeze", Whole(), default_text="never")
_UNIT = Argument("unit", Choice({"epochs": "epochs", "steps": "steps"}), "epochs", default_text="epochs")
_NOISE = Argument("noise", Real(low=0), 0.0)
_TO = Argument("factor", Real(above=0), required=True)
_LEVELS = (_TO, Argument("levels", Whole(), required=True), _NOISE)
_NOISY = (
    ". With noise s, the rate is multiplied by 1 + s |n|, where n is drawn from N(0, 1) for each parameter and step, "
    "and separately for its decay, if this is not a part of the gradient: with sgd and adamw"
)
SCHEDULES: Mapping[str, Form] = {
    "constant": Form("the rate does not change", make=ir.Fixed),
    "step": Form(
        "the rate is multiplied by `factor` every `every` epochs, or every so many steps with unit=steps",
        (Argument("every", Whole(), required=True), _FALL, _UNIT),
        ir.Step,
    ),
    "plateau": Form(
        "the rate is multiplied by `factor` whenever the validation top-1 error (0 to 1) has not fallen more than "
        "`threshold` below its best value for `patience` epochs in a row, at most `times` times. Only on the train "
        "line",
        (
            _FALL,
            Argument("times", Whole(), 3),
            Argument("patience", Whole(), 5),
            Argument("threshold", Real(low=0), 1e-3),
        ),
        ir.Plateau,
    ),
    "exponential": Form(
        "exponential decay over the whole run: the rate is factor^p times the initial one at progress p from 0 to 1. A "
        "factor above 1 raises the rate" + _NOISY,
        (_TO, _NOISE),
        ir.Exponential,
    ),
    "dexp": Form(
        "the discrete exponential of cuda-convnet: the run is divided into `levels` equal parts, and the rate in part "
        "i (from 0) is factor^(i / (levels - 1)) times the initial one. tgtFactor=250, numSteps=4 in cuda-convnet is "
        "dexp(factor=0.004, levels=4). A factor above 1 raises the rate" + _NOISY,
        _LEVELS,
        ir.DiscreteExponential,
    ),
    "jdexp": Form(
        "the dexp of cuda-convnet with jumps: like dexp, but in the second half of each part i > 0, the rate is the "
        "geometric mean of the rates of parts i - 1 and i, while the progress is above 0.2 and below 0.9" + _NOISY,
        _LEVELS,
        ir.JumpingExponential,
    ),
    "linear": Form(
        "the rate changes linearly over the whole run to `factor` times the initial one. A factor above 1 raises it"
        + _NOISY,
        (Argument("factor", Real(low=0), required=True), _NOISE),
        ir.Linear,
    ),
    "cosine": Form(
        "cosine decay over the whole run: the rate is factor + (1 - factor) (1 + cos(pi p)) / 2 times the initial one "
        "at progress p from 0 to 1",
        (Argument("factor", Real(low=0, high=1), 0.0),),
        ir.Cosine,
    ),
    "steps": Form(
        "the rate is multiplied by `factor` at the start of each of these epochs, counted from 0: steps(25, 51, 79). "
        "From epoch `freeze` on, it is 0, and the weights do not change. With unit=steps, the numbers count steps",
        (_FALL, _FREEZE, _UNIT),
    ),
    "poly": Form(
        "polynomial decay to 0 over the whole run: the rate is (1 - p)^power times the initial one at progress p from "
        '0 to 1, as with lr_policy: "poly" in Caffe',
        (Argument("power", Real(above=0), required=True),),
        ir.Polynomial,
    ),
    "inverse": Form(
        "the rate is (1 + gamma s)^(-power) times the initial one in step s, counted from 0, as with lr_policy: "
        '"inv" in Caffe',
        (Argument("gamma", Real(low=0), required=True), Argument("power", Real(low=0), required=True)),
        ir.Inverse,
    ),
}


@dataclass(frozen=True, slots=True)
class ScheduleWord:
    """The kind of ``schedule=`` of the ``train`` line."""

    forms: ClassVar = SCHEDULES
    words: tuple[str, ...] = tuple(SCHEDULES)

    @property
    def doc(self) -> str:
        forms = [notation(word, form.arguments) for word, form in SCHEDULES.items() if word != "steps"]
        return one_of([*forms, "steps(epoch, epoch, ..., factor, freeze, unit)"])

    def read(self, value: Value) -> ir.Schedule:
        return _schedule(value, self.words, self.doc)


@dataclass(frozen=True, slots=True)
class OwnScheduleWord:
    """The kind of a layer's ``schedule=`` and of ``bias_schedule=``: schedules that do not use the validation error."""

    forms: ClassVar = {word: form for word, form in SCHEDULES.items() if word != "plateau"}
    words: tuple[str, ...] = tuple(forms)

    @property
    def doc(self) -> str:
        return one_of(self.words)

    def read(self, value: Value) -> ir.OwnSchedule:
        call = as_call(value)
        if call is not None and call.name.text == "plateau":
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span, notes=_ON_THE_TRAIN_LINE)
        schedule = _schedule(value, self.words, self.doc)
        assert not isinstance(schedule, ir.Plateau)
        return schedule


_ON_THE_TRAIN_LINE = (
    "plateau depends on the validation error of the whole net: schedule=plateau on the train line applies to all "
    "weights and biases that have no schedule of their own",
    "if the epochs are known beforehand, use steps(25, 51, 79, factor=0.1)",
)


def _schedule(value: Value, words: tuple[str, ...], doc: str) -> ir.Schedule:
    call = as_call(value)
    if call is None or call.name.text not in words:
        raise unknown_word(value, words, doc)
    word = call.name.text
    if word == "steps":
        return _steps(call)
    if word == "step" and _lists_epochs(call):
        raise BadValue(
            "'step' takes one interval; several epochs are the arguments of steps",
            call.name.span,
            replacement="steps",
        )
    try:
        made: ir.Schedule = SCHEDULES[word].read(call)
        return made
    except BadValue as error:
        if word == "step" and _is_fraction_of_epochs(call, error):
            error.notes = (*error.notes, _IN_STEPS.format(error.span.text))
        raise


_IN_STEPS = "{0} epochs are {0} * images / batch steps, which every= counts with unit=steps"


def _is_fraction_of_epochs(call: Call, error: BadValue) -> bool:
    """Whether the mistake is a number that is not whole, ``step(every=2.4)``, and not of steps."""
    values = (*call.args[:1], *(pair.value for pair in call.named if pair.key.text == "every"))
    in_steps = any(pair.key.text == "unit" and shown(pair.value) == "steps" for pair in call.named)
    numbers = [value for value in values if isinstance(value, Number) and value.span == error.span]
    return not in_steps and any(number.value > 1 and number.value % 1 for number in numbers)


def _lists_epochs(call: Call) -> bool:
    """Whether the arguments of ``step`` are several increasing epochs, and not an interval and a factor up to 1."""
    numbers = [value.value for value in call.args if isinstance(value, Number)]
    return len(numbers) == len(call.args) > 1 and numbers == sorted(set(numbers)) and numbers[0] >= 1


def _steps(call: Call) -> ir.Steps:
    starts = [Whole(1).read(v) for v in call.args if isinstance(v, Number)]
    given = arguments(Call(call.name, (), call.named, call.span), (_FALL, _FREEZE, _UNIT))
    freeze, unit = given["freeze"], given["unit"]
    if len(starts) != len(call.args) or not (starts or freeze) or starts != sorted(set(starts)):
        raise BadValue(f"'steps' needs the {unit} in increasing order: steps(25, 51, 79, factor=0.1)", call.span)
    if freeze is not None and starts and freeze <= starts[-1]:
        raise BadValue(
            f"'steps' lowers the rate at {unit[:-1]} {starts[-1]}, but it is already 0 from {unit[:-1]} {freeze}",
            call.span,
        )
    return ir.Steps(tuple(starts), given["factor"], freeze, unit)


_LENGTH = Argument("length", Whole(), required=True)
WARMUPS: Mapping[str, Form] = {
    "epochs": Form("`length` epochs; a number alone means the same", (_LENGTH,), ir.Warmup),
    "steps": Form("`length` steps", (_LENGTH,), partial(ir.Warmup, unit="steps")),
    "none": Form("no warm-up: the first step uses the full rate", make=ir.Warmup),
}


@dataclass(frozen=True, slots=True)
class WarmupLength:
    """The kind of ``warmup=``: ``5`` or ``epochs(5)``, ``steps(500)``, ``none``."""

    forms: ClassVar = WARMUPS
    words: tuple[str, ...] = tuple(WARMUPS)
    doc: str = "a whole number of epochs from 0, epochs(length), steps(length) or none"

    def read(self, value: Value) -> ir.Warmup:
        if isinstance(value, Number):
            return ir.Warmup(Whole(0).read(value))
        call = as_call(value)
        if call is None or call.name.text not in self.words:
            raise unknown_word(value, self.words, self.doc)
        warmup: ir.Warmup = WARMUPS[call.name.text].read(call)
        return warmup
