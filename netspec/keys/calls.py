"""The arguments of a value with parentheses: ``gaussian(0.01)``, ``sgd(lr=0.01, momentum=0.9)``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netspec.diagnostics.nearest import nearest
from netspec.keys.kind import BadValue, Kind
from netspec.language.syntax import Call, Pair, Value
from netspec.units import plural


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call, for example ``lr`` in ``sgd(lr=0.01)``.

    ``default_text`` describes the default in words, if it is not a number.
    """

    name: str
    kind: Kind
    default: Any = None
    required: bool = False
    default_text: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A word that a value may begin with: its doc and its arguments."""

    doc: str
    arguments: tuple[Argument, ...] = ()


def arguments(call: Call, known: tuple[Argument, ...]) -> dict[str, Any]:
    """Return a call's arguments by name, defaults included. Raises one ``BadValue`` for all that is wrong with them."""
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
    for argument in known if not wrong else ():  # a missing argument is most likely one with a misspelt name
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
