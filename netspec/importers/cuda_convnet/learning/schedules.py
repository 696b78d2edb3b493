"""Read learning rates and their schedules, in the syntax of both versions and of older files."""

from __future__ import annotations

import re
from dataclasses import dataclass

from netspec.formatting import format_literal
from netspec.importers.cuda_convnet.options import MAX_NUMBER, Options, shortened
from netspec.keys.numbers import MAX_REAL, MIN_POSITIVE_REAL

_CALL = re.compile(r"\s*([a-z]+)\s*(?:\[(.*)\])?\s*", re.IGNORECASE | re.DOTALL)
_PLAIN = re.compile(r"(?:[0-9]*\.)?[0-9]+")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")
_WHOLE = re.compile(r"[0-9]{1,10}")
_2012 = {
    "linear": ("tgtFactor", "noiseStdev"),
    "exp": ("tgtFactor", "noiseStdev"),
    "dexp": ("tgtFactor", "noiseStdev", "numSteps"),
    "jdexp": ("tgtFactor", "noiseStdev", "numSteps"),
}
_V2 = {
    "const": ("base",),
    "linear": ("base", "tgtFactor"),
    "exp": ("base", "tgtFactor"),
    "dexp": ("base", "tgtFactor", "numSteps"),
}
_WORDS = {"linear": "linear", "exp": "exponential", "dexp": "dexp", "jdexp": "jdexp"}


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a rate changes during training.

    It ends at ``1 / factor`` times its first value, except that ``constant`` does not change. ``steps``, which exists
    in neither version but is described by notes, divides the rate by ``factor`` at each of the ``epochs``, and sets it
    to 0 at the epoch ``freeze`` (0: never).
    """

    word: str = "constant"
    factor: float = 1.0
    steps: int = 1
    noise: float = 0.0
    epochs: tuple[int, ...] = ()
    freeze: int = 0

    @property
    def text(self) -> str:
        """The value of ``schedule=`` in a spec."""
        if self.word == "constant":
            return "constant"
        if self.word == "steps":
            parts = [*map(str, self.epochs)]
            parts += [f"factor={format_literal(float(f'{1 / self.factor:.9g}'))}"] if self.epochs else []
            parts += [f"freeze={self.freeze}"] if self.freeze else []
            return f"steps({', '.join(parts)})"
        levels = f", levels={self.steps}" if self.stepped else ""
        noise = f", noise={format_literal(self.noise)}" if self.noise else ""
        return f"{_WORDS[self.word]}(factor={format_literal(1 / self.factor)}{levels}{noise})"

    @property
    def stepped(self) -> bool:
        return self.word in ("dexp", "jdexp")

    @property
    def expressible(self) -> bool:
        """Whether a spec accepts the schedule, that is, whether its final factor is a float32 number."""
        return MIN_POSITIVE_REAL <= 1 / self.factor <= MAX_REAL


CONSTANT = Schedule()


def schedule_2012(options: Options, key: str) -> Schedule:
    """Read ``schedW`` or ``schedB``, with named or, in old files, positional arguments. Raises ``SectionError``."""
    text = options.text(key, "default")
    call = _CALL.fullmatch(text)
    word = call[1].lower() if call else ""
    if word == "default" and call and call[2] is None:
        return CONSTANT
    if call is None or word not in _2012 or call[2] is None:
        raise _invalid(options, key, text, _2012)
    arguments = [part.strip() for part in call[2].split(",")]
    names = _2012[word]
    values = _named(arguments, names)
    if values is None:
        values = _positional(arguments, word)
        if values is None:
            raise _invalid(options, key, text, _2012)
        meant = ",".join(f"{name}={format_literal(values.get(name, 0))}" for name in names)
        options.warn(
            "cfg-old-habit",
            f"{key}={shortened(text)} has its numbers without names, and is read as {word}[{meant}]",
            key,
        )
    return _schedule(options, key, word, values)


def rate_v2(options: Options, key: str, text: str) -> tuple[float, Schedule]:
    """Read ``epsW`` or ``epsB`` of version 2, a number or a schedule with its base rate. Raises ``SectionError``."""
    read = read_v2(text)
    if read is None:
        raise _invalid(options, key, text, _V2)
    word, values = read
    return values["base"], CONSTANT if word == "const" else _schedule(options, key, word, values)


def read_v2(text: str) -> tuple[str, dict[str, float]] | None:
    """Return the word and the arguments of a rate of version 2, or ``None`` if the original could not read it.

    It could read a number, but no schedule, after a space.
    """
    number = text.strip()
    if _PLAIN.fullmatch(number) and len(number) < 40:
        return "const", {"base": float(number)}
    call = _CALL.fullmatch(text)
    word = call[1].lower() if call else ""
    if call is None or word not in _V2 or call[2] is None or text[0].isspace():
        return None
    values = _named([part.strip() for part in call[2].split(";")], _V2[word])
    return None if values is None else (word, values)


def _named(arguments: list[str], names: tuple[str, ...]) -> dict[str, float] | None:
    """Read named arguments, ``tgtFactor=250,numSteps=4``. All names are required, in this order."""
    if len(arguments) != len(names):
        return None
    values = {}
    for part, name in zip(arguments, names, strict=True):
        key, equals, value = (word.strip() for word in part.partition("="))
        written = _WHOLE if name == "numSteps" else _FLOAT
        if key.lower() != name.lower() or not equals or not written.fullmatch(value):
            return None
        values[name] = float(value)
    return values


def _positional(arguments: list[str], word: str) -> dict[str, float] | None:
    """Read positional arguments: ``dexp[1000,4]``, ``dexp[250,0,4]``, ``linear[1,1]``, ``exp[1000]``."""
    if not all(_FLOAT.fullmatch(part) for part in arguments):
        return None
    numbers = [float(part) for part in arguments]
    stepped = word in ("dexp", "jdexp")
    if stepped and len(numbers) == 2:
        return {"tgtFactor": numbers[0], "noiseStdev": 0.0, "numSteps": numbers[1]}
    if stepped and len(numbers) == 3:
        return dict(zip(_2012[word], numbers, strict=True))
    if not stepped and len(numbers) in (1, 2):
        return {"tgtFactor": numbers[0], "noiseStdev": 0.0, **dict(zip(_2012[word], numbers, strict=False))}
    return None


def _schedule(options: Options, key: str, word: str, values: dict[str, float]) -> Schedule:
    factor, steps = values["tgtFactor"], values.get("numSteps", 1.0)
    if factor <= 0 or steps < 1 or steps != int(steps) or steps > MAX_NUMBER or values.get("noiseStdev", 0.0) < 0:
        raise options.report_error("bad-value", f"{key} changes by a positive factor, in one step or more", key)
    schedule = Schedule(word, factor, int(steps), values.get("noiseStdev", 0.0))
    if not schedule.expressible:
        end = f"to {format_literal(1 / schedule.factor)} times itself, which float32 does not hold"
        options.warn("cfg-left-out", f"{key} changes the rate {end}; here it stays constant", key)
        return CONSTANT
    return schedule


def _invalid(options: Options, key: str, text: str, forms: dict[str, tuple[str, ...]]) -> Exception:
    between = ";" if forms is _V2 else ","
    forms_text = ", ".join(f"{word}[{between.join(f'{name}=' for name in names)}]" for word, names in forms.items())
    plain = "a number without sign and exponent" if forms is _V2 else "default"
    notes = [f"it is {plain}, or one of {forms_text}, with all names in this order", *_advice(key, text, forms)]
    return options.report_error("bad-value", f"{key}={shortened(text)} is not a learning rate", key, notes=notes)


def advice_v2(key: str, text: str) -> list[str]:
    """Return advice for a list of rates that is actually a single schedule, with commas instead of semicolons."""
    return _advice(key, text, _V2)


def _advice(key: str, text: str, forms: dict[str, tuple[str, ...]]) -> list[str]:
    """Return how to write a schedule that has all names, but in the wrong order, with wrong separators or a comment.

    The original does not remove a comment from a value that contains another ``;``.
    """
    if forms is _V2 and read_v2(text) is None and read_v2(text.strip()) is not None:
        return ["a schedule in a list has no space before it"]
    written, _, comment = text.partition("]")
    call = _CALL.fullmatch(f"{written}]" if re.match(r"\s*;", comment) else text)
    names = forms.get(call[1].lower()) if call else None
    if call is None or call[2] is None or names is None:
        return []
    parts = [re.sub(r"\s", "", part).partition("=") for part in re.split("[;,]", call[2])]
    spelled = {name.lower(): value for name, _, value in parts}
    ordered = [f"{name}={spelled.get(name.lower(), '')}" for name in names]
    if len(parts) != len(names) or _named(ordered, names) is None:
        return []
    return [f"write {key}={call[1].lower()}[{(';' if forms is _V2 else ',').join(ordered)}]"]
