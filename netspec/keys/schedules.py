"""The kinds of ``schedule=`` and ``warmup=``, with their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from netspec.diagnostics.nearest import did_you_mean
from netspec.diagnostics.other_tools.keys import WARM_UP_EPOCHS, WARM_UP_STEPS
from netspec.diagnostics.other_tools.words import plain_word
from netspec.formatting import format_number
from netspec.ir import schedules as ir
from netspec.keys.calls import Argument, Form, arguments, as_call, known_call, notation
from netspec.keys.kind import BadValue, one_of, shown
from netspec.keys.numbers import OneOf, Real, Whole
from netspec.keys.words import Choice
from netspec.language.syntax import Call, Number, Value


@dataclass(frozen=True, slots=True)
class _Interval:
    """A number of epochs or steps, read as an integer if it is whole."""

    words: tuple[str, ...] = ()
    doc: str = "a number above 0"

    def read(self, value: Value) -> int | float:
        number = Real(above=0).read(value)
        return number if number % 1 else Whole().read(value) if "." not in value.span.text else int(number)


_ONE = ir.OneCycle()
_FALL = Argument("factor", Real(above=0, high=1), 0.1)
_FREEZE = Argument("freeze", Whole(), default_text="never")
_UNIT = Argument("unit", Choice(("epochs", "steps")), "epochs", default_text="epochs")
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
        "the rate is multiplied by `factor` every `every` epochs, or every so many steps with unit=steps. 2.4 epochs "
        "are 2.4 times the steps of an epoch",
        (Argument("every", _Interval(), required=True), _FALL, _UNIT),
        ir.Step,
    ),
    "plateau": Form(
        "the rate is multiplied by `factor` whenever the validation error (0 to 1: the top-1 error of images, or the "
        "share of wrong pixels) has not fallen more than `threshold` below its best value for `patience` epochs in a "
        "row, at most `times` times. Only on the train line",
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
    "restarts": Form(
        "cosine decay with warm restarts (SGDR): the rate falls along half a cosine to `factor` times the initial one "
        "in the first `every` epochs, or so many steps with unit=steps, and starts again from the initial one. Each "
        "further cycle takes `mult` times as long as the one before",
        (
            Argument("every", Whole(), required=True),
            Argument("mult", Whole(), 1),
            Argument("factor", Real(low=0, high=1), 0.0),
            _UNIT,
        ),
        ir.Restarts,
    ),
    "onecycle": Form(
        "one cycle over the whole run (Smith 2018), with the names of PyTorch's OneCycleLR in parentheses: the rate "
        "rises from `start` (1 / div_factor) times that of the optimizer to this one at progress `peak` (pct_start), "
        "and falls to `factor` (1 / (div_factor final_div_factor)) times it at the end; with phases=3 it is back at "
        "`start` at twice `peak`. It moves along half a cosine or, with anneal=linear, along a line. With "
        "`low_momentum` (base_momentum), the momentum falls to this value while the rate rises, and then rises to its "
        "own again (cycle_momentum); only on the train line",
        (
            Argument("peak", Real(above=0, below=1), _ONE.peak),
            Argument("start", Real(above=0, high=1), _ONE.start),
            Argument("factor", Real(low=0, high=1), _ONE.factor),
            Argument("phases", OneOf((2, 3)), _ONE.phases),
            Argument("anneal", Choice(("cosine", "linear")), "cosine", default_text="cosine"),
            Argument("low_momentum", Real(low=0, below=1), default_text="it stays the same"),
        ),
        ir.OneCycle,
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
    "sigmoid": Form(
        "the rate is 1 / (1 + exp(-gamma (s - center))) times that of the optimizer in step s, counted from 0, as with "
        'lr_policy: "sigmoid" in Caffe. With a gamma below 0 it falls, and is half of it at step `center`',
        (Argument("gamma", Real(), required=True), Argument("center", Whole(0), required=True)),
        ir.Sigmoid,
    ),
}

_WORDS = {form.make: word for word, form in SCHEDULES.items()} | {ir.Steps: "steps"}


def word_of(schedule: ir.Schedule) -> str:
    """Return the word of a schedule."""
    return _WORDS[type(schedule)]


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
        if isinstance(schedule, ir.OneCycle) and schedule.low_momentum is not None:
            note = "schedule=onecycle(low_momentum=0.85) on the train line lowers the momentum of all its parameters"
            raise BadValue("low_momentum is for the schedule of the train line", value.span, notes=(note,))
        return schedule


_ON_THE_TRAIN_LINE = (
    "plateau depends on the validation error of the whole net: schedule=plateau on the train line applies to all "
    "weights and biases that have no schedule of their own",
    "if the epochs are known beforehand, use steps(25, 51, 79, factor=0.1)",
)


def _schedule(value: Value, words: tuple[str, ...], doc: str) -> ir.Schedule:
    given = as_call(value)
    if given is not None and (found := _of_pytorch(given)):
        raise found
    call = known_call(value, words, doc)
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
    except BadValue as error:
        for each in (error, *error.others):
            if about := _ABSENT.get(plain_word(each.span.text)):
                each.notes, each.replacement = (about,), None
        raise
    if isinstance(made, ir.Step) and made.unit == "steps" and made.every % 1:
        raise BadValue(f"every needs a whole number of steps, not {format_number(made.every)}", call.span)
    if isinstance(made, ir.OneCycle) and made.phases == 3 and made.peak >= 0.5:
        message = (
            f"with phases=3, the second phase ends at twice peak, and 2 * {format_number(made.peak)} is not below 1"
        )
        raise BadValue(message, call.span)
    return made


_WHOLE_RUN = "the schedule takes the whole run, whose length is epochs= or steps= of the train line"
_AT_THE_END = "factor= is the last rate divided by the highest"
_ABSENT: Mapping[str, str] = {
    **dict.fromkeys(("epochs", "maxepochs", "stepsperepoch", "tmax", "totalsteps", "decaysteps"), _WHOLE_RUN),
    **dict.fromkeys(
        ("warmup", "warmupratio", *WARM_UP_EPOCHS, *WARM_UP_STEPS),
        "a warm-up is a key of the train line: warmup=5 takes five epochs, warmup=steps(500) as many steps",
    ),
    **dict.fromkeys(("alpha", "endlr", "etamin", "finallr", "lrmin", "minlr"), _AT_THE_END),
    **dict.fromkeys(("baselr", "initiallr", "lr", "maxlr"), "the highest rate is that of the optimizer: sgd(lr=0.1)"),
    "basemomentum": "low_momentum= is base_momentum",
    "cyclemomentum": "low_momentum=0.85 is cycle_momentum=True; without it, the momentum stays the same",
    "maxmomentum": "the highest momentum is that of the optimizer: sgd(momentum=0.95)",
    "divfactor": "start= is 1 / div_factor",
    "finaldivfactor": "factor= is 1 / (div_factor * final_div_factor)",
    "threephase": "phases=3 has the three phases of three_phase=True",
}
"""Arguments that schedules of other tools have and those of specs do not."""


def _of_pytorch(call: Call) -> BadValue | None:
    """Return the error for a scheduler of PyTorch whose arguments are not those of the schedule with a similar name."""
    named = {plain_word(pair.key.text): pair.value for pair in call.named}
    match plain_word(call.name.text):
        case "exponentiallr":
            gamma = next((value for value in (*call.args, *named.values()) if isinstance(value, Number)), None)
            text = f"step(every=1, factor={shown(gamma)})" if gamma else None
            note = "its gamma is the factor of an epoch, and that of exponential(factor) the factor of the whole run"
        case "cosineannealinglr":
            text = None if "etamin" in named or len(call.args) > 1 else "cosine"
            note = _WHOLE_RUN if text else f"cosine(factor): {_AT_THE_END}; {_WHOLE_RUN}"
        case "linearlr":
            text = None
            note = (
                "its rate rises at the beginning: warmup=epochs(5, start=0.1); linear(factor) falls over the whole run"
            )
        case _:
            return None
    message = f"'{call.name.text}' is unknown" + did_you_mean(text)
    return BadValue(message, call.span, notes=(note,), replacement=text)


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
_START = Argument("start", Real(low=0, below=1), 0.0)
_RISE = (
    "In step s of w, from 0, the rate is (s + 1) / w times the full one; with a `start` above 0, it rises from this "
    "share of it: start + (1 - start) s / w"
)
WARMUPS: Mapping[str, Form] = {
    "epochs": Form(f"`length` epochs; a number alone means the same. {_RISE}", (_LENGTH, _START), ir.Warmup),
    "steps": Form(f"`length` steps. {_RISE}", (_LENGTH, _START), partial(ir.Warmup, unit="steps")),
    "none": Form("no warm-up: the first step uses the full rate", make=ir.Warmup),
}


@dataclass(frozen=True, slots=True)
class WarmupLength:
    """The kind of ``warmup=``: ``5`` or ``epochs(5)``, ``steps(500)``, ``none``."""

    forms: ClassVar = WARMUPS
    words: tuple[str, ...] = tuple(WARMUPS)
    doc: str = "a whole number of epochs from 0, epochs(length, start), steps(length, start) or none"

    def read(self, value: Value) -> ir.Warmup:
        if isinstance(value, Number):
            return ir.Warmup(Whole(0).read(value))
        call = known_call(value, self.words, self.doc)
        warmup: ir.Warmup = WARMUPS[call.name.text].read(call)
        return warmup
