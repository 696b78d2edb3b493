"""The arguments of a value with parentheses: ``gaussian(0.01)``, ``sgd(lr=0.01, momentum=0.9)``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from netspec.diagnostics.nearest import did_you_mean, nearest
from netspec.formatting import format_number, plural
from netspec.keys.kind import BadValue, Kind, shown, unknown_word
from netspec.language.syntax import Call, Number, Pair, Value, Word


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

    @property
    def shown_default(self) -> str:
        """The default in words, ``required`` if there is none."""
        return "required" if self.required else self.default_text or format_number(self.default)


@dataclass(frozen=True, slots=True)
class Form:
    """A word that a value may begin with: its doc, its arguments, and what makes the value of them, passed by name."""

    doc: str
    arguments: tuple[Argument, ...] = ()
    make: Callable[..., Any] = dict

    def read(self, call: Call) -> Any:
        """Return the value of a call of this word. Raises ``BadValue``."""
        return self.make(**arguments(call, self.arguments))


def forms_of(kind: Kind) -> Mapping[str, Form]:
    """Return the words of a kind whose words take arguments or have a doc of their own; empty for other kinds."""
    return getattr(kind, "forms", {})


def as_call(value: Value) -> Call | None:
    """Return a word as a call without arguments, a call as it is, and ``None`` for any other value."""
    if isinstance(value, Word):
        return Call(value, (), (), value.span)
    return value if isinstance(value, Call) else None


def known_call(
    value: Value, words: tuple[str, ...], doc: str, meant: Callable[[Number], str | None] = lambda number: None
) -> Call:
    """Return a value as a call of one of these words. Raises ``BadValue``, for a number above 0 with what is ``meant``
    by it, if that returns a text."""
    call = as_call(value)
    if call is not None and call.name.text in words:
        return call
    text = meant(value) if isinstance(value, Number) and value.value > 0 else None
    if text is None:
        raise unknown_word(value, words, doc)
    raise BadValue(f"needs {doc}, not '{shown(value)}'", value.span, replacement=text)


def notation(word: str, arguments: Iterable[Argument]) -> str:
    """Return a word with the names of its arguments, ``gaussian(std, mean)``, or alone if it has none."""
    names = ", ".join(argument.name for argument in arguments)
    return f"{word}({names})" if names else word


def arguments(
    call: Call, signature: tuple[Argument, ...], meant: Callable[[Pair], str | None] = lambda pair: None
) -> dict[str, Any]:
    """Return a call's arguments by name, defaults included. Raises one ``BadValue`` for all that is wrong with them.

    ``meant`` returns the name that an unknown one stands for, if that also depends on its value.
    """
    given, errors = _by_name(call, signature, meant)
    values: dict[str, Any] = {}
    for argument in signature:
        if argument.name not in given:
            if argument.required and not errors:  # after an error, it is most likely the one with the misspelt name
                raise BadValue(f"'{call.name.text}' needs {argument.name}, {argument.kind.doc}", call.span)
            values[argument.name] = argument.default
            continue
        try:
            values[argument.name] = argument.kind.read(given[argument.name])
        except BadValue as error:
            separator = " " if error.message.startswith("needs") else ": "
            error.message = f"{argument.name}{separator}{error.message}"
            errors.append(error)
    if errors:
        errors[0].others = tuple(errors[1:])
        raise errors[0]
    return values


def _by_name(
    call: Call, signature: tuple[Argument, ...], meant: Callable[[Pair], str | None]
) -> tuple[dict[str, Value], list[BadValue]]:
    """Return the given arguments by name, and the errors in their names and number."""
    given = {argument.name: value for argument, value in zip(signature, call.args, strict=False)}
    errors: list[BadValue] = []
    if len(call.args) > len(signature):
        most = f"at most {plural(len(signature), 'value')}" if signature else "no values"
        message = f"'{call.name.text}' takes {most}"
        errors.append(BadValue(message, call.args[len(signature)].span))
    names = [a.name for a in signature]
    for pair in call.named:
        try:
            _check_name(call, pair, names, given, meant)
            given[pair.key.text] = pair.value
        except BadValue as error:
            errors.append(error)
    return given, errors


def _check_name(
    call: Call, pair: Pair, names: list[str], given: Mapping[str, Value], meant: Callable[[Pair], str | None]
) -> None:
    if pair.key.text not in names:
        near = meant(pair) or nearest(pair.key.text, names)
        listed = ", ".join(names) or "no arguments"
        raise BadValue(
            f"'{call.name.text}' has no {pair.key.text}" + did_you_mean(near),
            pair.key.span,
            notes=() if near else (f"it has {listed}",),
            replacement=near,
        )
    if pair.key.text in given:
        raise BadValue(f"'{call.name.text}' is given {pair.key.text} twice", pair.span)
