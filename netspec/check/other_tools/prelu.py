"""Parametric ReLUs that are written as calls of the classes of PyTorch or Keras.

PyTorch's ``PReLU(num_parameters=1, init=0.25)`` has one slope, or one for each channel. Keras's ``PReLU()`` has one for
each unit, or for each channel if it shares them between the pixels, and its slopes begin at 0.
"""

from __future__ import annotations

from netspec.diagnostics.other_tools.words import plain_word
from netspec.formatting import format_number
from netspec.keys.kind import shown
from netspec.language.syntax import Call, Number, Pair, Value, Word

_PLACES = ("num_parameters", "init")
_PIXELS = ("1x2", "1,2", "2x3", "2,3")
"""The axes of an image's pixels, counted from 1, with the channels last or first."""

AMBIGUOUS = "PReLU() has one slope for all channels in PyTorch, and in Keras one for each unit, which no layer has"


def is_bare_prelu(call: Call) -> bool:
    """Whether it is the class of both tools without arguments, which they read differently."""
    return call.name.text == "PReLU" and not call.args and not call.named


def called_prelu(call: Call) -> str | None:
    """Translate a call: ``prelu shared=yes`` for ``PReLU(1)``, ``prelu num_parameters=64`` for ``PReLU(64)``.

    ``None`` for Keras's with a slope for each unit, and if not all arguments can be written.
    """
    places = [Pair(Word(word, call.span), value) for word, value in zip(_PLACES, call.args, strict=False)]
    arguments = {plain_word(pair.key.text): pair.value for pair in (*places, *call.named)}
    if len(call.args) > len(_PLACES) or len(arguments) < len(call.args) + len(call.named):
        return None
    arguments.pop("device", None)
    arguments.pop("name", None)
    axes = arguments.pop("sharedaxes", None)
    if axes is not None:
        start = _word(arguments.pop("alphainitializer", None)) or "zeros"
        known = start == "zeros" and not arguments and _axes(axes) in _PIXELS
        return "prelu init=constant(0)" if known else None
    number, init = arguments.pop("numparameters", None), arguments.pop("init", None)
    if arguments or any(value is not None and not isinstance(value, Number) for value in (number, init)):
        return None
    keys = []
    if isinstance(init, Number) and init.value != 0.25:
        keys.append(f"init=constant({format_number(init.value)})")
    if not isinstance(number, Number) or number.value == 1:
        keys.append("shared=yes")
    else:
        keys.append(f"num_parameters={shown(number)}")
    return " ".join(["prelu", *keys])


def _word(value: Value | None) -> str:
    return shown(value).lower() if value is not None else ""


def _axes(value: Value) -> str:
    return shown(value).replace(" ", "")
