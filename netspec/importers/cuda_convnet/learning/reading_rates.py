"""Read the learning settings of a layer with weights from its section of the parameter file."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.formatting import format_literal, plural
from netspec.importers.cuda_convnet.layers.model import Definition, Layer
from netspec.importers.cuda_convnet.learning.constraints import constraints
from netspec.importers.cuda_convnet.learning.passes import period
from netspec.importers.cuda_convnet.learning.rates import Rates
from netspec.importers.cuda_convnet.learning.schedules import (
    CONSTANT,
    Schedule,
    advice_v2,
    rate_v2,
    read_v2,
    schedule_2012,
)
from netspec.importers.cuda_convnet.options import Options, shortened


def read_rates(layer: Layer, options: Options, definition: Definition) -> Rates:
    """Return the learning settings of a layer. Raises ``SectionError``."""
    n, is_2012 = len(layer.inputs), definition.dialect == "2012"
    scheduled = _rates_2012(options, n) if is_2012 else _rates_v2(options, n)
    momentum, bias_momentum = options.reals("momW", n, repeat=not is_2012), options.real("momB")
    decay = options.reals("wc", n, default=0.0, repeat=not is_2012)
    weight_keys = constraints(layer, options, definition.dialect)
    super_eps = options.real("superEps", 0.0)
    if super_eps > 0 and is_2012:
        weight_keys = {**weight_keys, "super_eps": (format_literal(super_eps),) * n}
    for key in ("superMom", *(() if is_2012 else ("superEps",))):
        if options.real(key, 0.0):
            options.warn("cfg-ignored-key", f"{key} was read and had no effect; it is ignored", key)
    lr = _nonnegative(options, "epsW", scheduled.lr)
    (bias_lr,) = _nonnegative(options, "epsB", (scheduled.bias_lr,))
    for key, values in {"momW": momentum, "momB": (bias_momentum,)}.items():
        if not 0 <= min(values) <= max(values) < 1:
            raise options.report_error("bad-value", f"{key} needs numbers from 0 up to below 1", key)
    if min(decay) < 0:
        raise options.report_error("bad-value", "wc needs numbers from 0, by which weights decay", "wc")
    return Rates(
        layer=layer,
        options=options,
        lr=lr,
        momentum=momentum,
        decay=decay,
        constraints=weight_keys,
        bias_lr=bias_lr,
        bias_momentum=bias_momentum,
        schedules=scheduled.schedules,
        bias_schedule=scheduled.bias_schedule,
        period=None if is_2012 else period(layer, options, definition),
    )


def _nonnegative(options: Options, key: str, rates: tuple[float, ...]) -> tuple[float, ...]:
    """Replace negative rates by 0, with a warning: the original updated weights only if their rate was positive."""
    if min(rates) < 0:
        options.warn("cfg-left-out", f"{key} is negative, and with such a rate nothing was updated; it becomes 0", key)
    return tuple(max(0.0, rate) for rate in rates)


@dataclass(frozen=True, slots=True)
class _ScheduledRates:
    """The rates of a layer's weights, one per input, and of its biases, with their schedules."""

    lr: tuple[float, ...]
    schedules: tuple[Schedule, ...]
    bias_lr: float
    bias_schedule: Schedule


def _rates_2012(options: Options, inputs: int) -> _ScheduledRates:
    """Read ``epsW`` and ``epsB`` with ``schedW`` and ``schedB`` of 2012."""
    lr = options.reals("epsW", inputs)
    bias_lr = options.real("epsB")
    schedule = options.attempt(lambda: schedule_2012(options, "schedW"), CONSTANT, "schedW")
    bias_schedule = options.attempt(lambda: schedule_2012(options, "schedB"), CONSTANT, "schedB")
    return _ScheduledRates(lr, (schedule,) * inputs, bias_lr, bias_schedule)


def _rates_v2(options: Options, inputs: int) -> _ScheduledRates:
    """Read ``epsW`` and ``epsB`` of version 2, which include their schedules."""
    texts = options.attempt(lambda: options.text("epsW").split(","), ["0"], "epsW")
    if len(texts) not in (1, inputs):
        message = f"epsW lists {plural(len(texts), 'value')} for {plural(inputs, 'input')}"
        raise options.report_error("bad-value", message, "epsW", notes=advice_v2("epsW", options.text("epsW")))
    none = 0.0, CONSTANT
    texts = _used_v2(options, texts)
    read = options.attempt(lambda: [rate_v2(options, "epsW", text) for text in texts], [none], "epsW")
    read = read * (inputs if len(read) == 1 else 1)
    bias = options.attempt(lambda: rate_v2(options, "epsB", options.text("epsB").strip()), none, "epsB")
    return _ScheduledRates(tuple(rate for rate, _ in read), tuple(schedule for _, schedule in read), *bias)


def _used_v2(options: Options, texts: list[str]) -> list[str]:
    """Return the only value of a list that the original could read, which it then used for all inputs, else the list.

    Warns if the other values, corrected, would be something else.
    """
    readable = [text for text in texts if read_v2(text) is not None]
    if len(readable) != 1:
        return texts
    (used,) = readable
    other = next((text for text in texts if read_v2(text.strip()) != read_v2(used)), None)
    if other is not None:
        message = f"version 2 could not read epsW={shortened(other)}; it used {shortened(used)} for all inputs"
        options.warn("cfg-ignored-key", message, "epsW")
    return readable
