"""Write values of the graph in the notation of a spec.

Numbers are written, and compared, with nine digits. float32 has only seven, and with nine ``scale=5e-4`` over a window
of five equals ``alpha=1e-4`` whatever the last bit of the quotient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from netspec.formatting import format_number
from netspec.ir.distribution import Bilinear, Constant, Distribution, Normal
from netspec.ir.ops import Op
from netspec.ir.rules import Clip, UpdateRule
from netspec.ir.schedules import Fixed, Schedule, Steps, Warmup
from netspec.ir.settings import Augment, Cutout, RandAugment, RandomErasing, TrivialAugment
from netspec.keys import schedules
from netspec.keys.initialisers import BILINEAR, Initialiser
from netspec.keys.neurons import NEURONS
from netspec.keys.update_rules import word_of

BY_FAN = ("he", "xavier", "torch")
"""Initialisers whose numbers follow from the fans."""


def number(value: float | int) -> str:
    """Return a number as text, as short as nine digits allow: ``0.0001``, ``2e-05``, ``11``."""
    rounded = float(f"{value:.9g}")
    short = format_number(rounded)
    return short if float(short) == rounded else f"{rounded:.9g}"


def word(value: Any) -> str:
    """Return the text of a plain value: a number, a tuple of numbers, ``yes`` or ``no``, a shape, or a word."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if type(value) is tuple:
        return ",".join(map(number, value))
    return number(value) if isinstance(value, int | float) else str(value)


def pair(value: tuple[int, int]) -> str:
    """Return ``3`` for a square, else ``3x5``, with the height first."""
    return str(value[0]) if value[0] == value[1] else f"{value[0]}x{value[1]}"


def pad(value: tuple[int, int, int, int]) -> str:
    """Return ``2`` if all sides are equal, else left, right, top and bottom: ``0,3,0,3``."""
    return str(value[0]) if len(set(value)) == 1 else ",".join(map(str, value))


def per_input(values: Sequence[str]) -> str:
    """Return the value of a key of a layer with several inputs: ``3`` if it is the same for all, else ``3,5``."""
    return values[0] if len(set(values)) == 1 else ",".join(values)


def call(name: str, *arguments: str) -> str:
    """Return ``relu`` without arguments, else ``tanh(1.7159, 0.6667)``."""
    return f"{name}({', '.join(arguments)})" if arguments else name


def neuron(op: Op) -> str:
    """Return a neuron's word, with its numbers unless they are the defaults."""
    name = next(name for name, form in NEURONS.items() if form.make is type(op))
    arguments = NEURONS[name].arguments
    if all(getattr(op, a.name) == a.default for a in arguments):
        return name
    return call(name, *(number(getattr(op, a.name)) for a in arguments))


def distribution(drawn: Distribution) -> str:
    """Return ``gaussian(0.01)``, ``uniform(0.05)``, ``constant(1)`` or ``bilinear``."""
    if isinstance(drawn, Normal):
        mean = () if drawn.mean == 0 else (f"mean={number(drawn.mean)}",)
        return call("gaussian", number(drawn.std), *mean)
    if isinstance(drawn, Constant):
        return call("constant", number(drawn.value))
    if isinstance(drawn, Bilinear):
        return BILINEAR
    return call("uniform", number(drawn.high))


def initialiser(drawn: Distribution, fan_in: float, fan_out: float) -> str:
    """Return the initialiser of a distribution: ``he``, ``xavier`` or ``torch`` if it is the one that these give for
    the fans, else a word with numbers."""
    text = distribution(drawn)
    for name in BY_FAN:
        if text == distribution(Initialiser(name).distribution(fan_in, fan_out)):
            return name
    return text


def optimizer(rule: UpdateRule) -> str:
    """Return an update rule with its own numbers, ``sgd(momentum=0.9)`` or ``adam(beta1=0.9, beta2=0.999, eps=1e-08)``.

    ``nesterov``, ``centered`` and an ``eps`` that the rule does not have are left out, and so are always the learning
    rate and the decays.
    """
    names = [field.name for field in fields(rule) if field.name != "decoupled"]
    values = {name: getattr(rule, name) for name in names}
    left_out = [name for name in ("nesterov", "centered", "eps", "eps_in_root") if not values.get(name)]
    return call(word_of(rule), *(f"{name}={word(values[name])}" for name in names if name not in left_out))


def schedule(value: Schedule) -> str:
    """Return ``constant``, ``steps(25, 51, 79, factor=0.1)``, ``plateau(factor=0.1, times=3)`` ...

    Rarely used arguments are left out if they have their defaults.
    """
    if isinstance(value, Fixed):
        return "constant"
    if isinstance(value, Steps):
        arguments = [f"factor={number(value.factor)}"] if value.starts else []
        arguments += [f"freeze={value.freeze}"] if value.freeze is not None else []
        arguments += [f"unit={value.unit}"] if value.unit != "epochs" else []
        return call("steps", *map(str, value.starts), *arguments)
    name = schedules.word_of(value)
    shown = [
        f"{a.name}={word(getattr(value, a.name))}"
        for a in schedules.SCHEDULES[name].arguments
        if a.name in ("factor", "every", "times", "levels") or getattr(value, a.name) != a.default
    ]
    return call(name, *shown)


def clip(value: Clip | None) -> str:
    """Return ``none``, ``norm(2)`` or ``value(0.5)``."""
    return "none" if value is None else call(value.by, number(value.max))


def erased(erase: Cutout | RandomErasing | None) -> str:
    """Return ``none``, ``cutout(16)``, or ``random(p=0.5)`` with those of its numbers that are not the defaults."""
    if erase is None:
        return "none"
    fill = (f"fill={erase.fill}",) if erase.fill != "zeros" else ()
    if isinstance(erase, Cutout):
        return call("cutout", number(erase.length), *fill)
    given = {field.name: getattr(erase, field.name) for field in fields(erase) if field.name != "fill"}
    usual = RandomErasing()
    numbers = (
        f"{name}={number(value)}" for name, value in given.items() if name == "p" or value != getattr(usual, name)
    )
    return call("random", *numbers, *fill)


def policy(value: TrivialAugment | RandAugment | None) -> str:
    """Return ``none``, ``trivialaugment`` or ``randaugment(2, 9)``."""
    if isinstance(value, RandAugment):
        return call("randaugment", number(value.count), number(value.magnitude))
    return "none" if value is None else "trivialaugment"


def colours(augment: Augment) -> str:
    """Return ``none``, ``pca(0.1)``, ``jitter(brightness=0.4, hue=0.1)``, or both with a comma between them."""
    changes = fields(augment.jitter) if augment.jitter is not None else ()
    given = {change.name: getattr(augment.jitter, change.name) for change in changes}
    jitter = [call("jitter", *(f"{name}={number(value)}" for name, value in given.items() if value))] if given else []
    shift = [call("pca", number(augment.colour))] if augment.colour else []
    return ",".join(jitter + shift) or "none"


def warmup(value: Warmup) -> str:
    """Return ``none``, ``epochs(5)`` or ``steps(500, start=0.1)``."""
    start = (f"start={number(value.start)}",) if value.start else ()
    return call(value.unit, str(value.length), *start) if value.length else "none"
