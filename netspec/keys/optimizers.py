"""The kind of ``optimizer=``: how an update rule is read, and what is said of one that cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from netspec.diagnostics.other_tools.keys import ABSENT_SETTINGS
from netspec.diagnostics.other_tools.words import plain_word
from netspec.keys.calls import arguments, as_call, notation
from netspec.keys.kind import BadValue, none_of, one_of, unknown_word
from netspec.keys.other_rules import argument_of_tool, argument_of_value, rule_meant
from netspec.keys.update_rules import OPTIMIZERS
from netspec.language.syntax import Call, Value
from netspec.language.written import written


@dataclass(frozen=True, slots=True)
class Optimizer:
    """The kind of ``optimizer=``. It is read as the attributes of ``ir.settings.Train`` that it sets, by name."""

    forms: ClassVar = OPTIMIZERS
    words: tuple[str, ...] = tuple(OPTIMIZERS)
    arguments: tuple[str, ...] = tuple(dict.fromkeys(a.name for form in OPTIMIZERS.values() for a in form.arguments))
    """The names of the arguments of all rules."""

    @property
    def doc(self) -> str:
        return one_of([notation(word, form.arguments) for word, form in OPTIMIZERS.items()])

    def read(self, value: Value) -> dict[str, Any]:
        call = as_call(value)
        if call is None or call.name.text not in OPTIMIZERS:
            raise _unknown(value, self.words, self.doc)
        word = call.name.text
        given = _arguments(call, word)
        if given.get("eps") is not None and given.get("eps_in_root") is not None:
            message = f"'{word}' has either eps, which is added to the root, or eps_in_root, and both are given"
            raise BadValue(message, call.span)
        result = {name: given.pop(name) for name in ("lr", "weight_decay", "bias_decay")}
        result["rule"] = OPTIMIZERS[word].make(**given)
        return result


def _arguments(call: Call, word: str) -> dict[str, Any]:
    """Return the arguments of a rule's call. Raises ``BadValue``, with a note on arguments of other tools' rules that
    are keys of the train line."""
    try:
        return arguments(call, OPTIMIZERS[word].arguments, partial(argument_of_value, word))
    except BadValue as error:
        for each in (error, *error.others):
            if about := ABSENT_SETTINGS.get(plain_word(each.span.text)):
                each.notes = (about,)
        raise


def _unknown(value: Value, words: tuple[str, ...], doc: str) -> BadValue:
    """Return the error for a value that is not an update rule.

    If it is another tool's call of one, such as ``SGD(lr=0.1, nesterov=True)``, its replacement is the whole call.
    """
    call = as_call(value)
    found = rule_meant(call.name.text) if call else None
    if call is None or found is None:
        return none_of(value, doc)
    word, implied = found
    errors = _errors(call, word)
    if not implied and not (errors and all(error.replacement for error in errors)):
        error = unknown_word(value, words, doc)
        error.others = errors
        return error
    text = f"{word}({', '.join((*_corrected(call, errors), *map('='.join, implied.items())))})"
    return BadValue(f"'{call.name.text}' is unknown; did you mean {text}?", call.span, replacement=text)


def _errors(call: Call, word: str) -> tuple[BadValue, ...]:
    """Return all errors in the arguments of a call of a rule."""
    try:
        _arguments(call, word)
    except BadValue as error:
        return error, *error.others
    return ()


def _corrected(call: Call, errors: Sequence[BadValue]) -> Iterator[str]:
    """Yield the arguments of a call as text, with the replacements of errors."""
    replacements = {error.span: error.replacement for error in errors if error.replacement}
    yield from (replacements.get(value.span, written(value)) for value in call.args)
    for key, value in call.named:
        name = argument_of_tool(call.name.text, replacements.get(key.span) or key.text)
        yield f"{name}={replacements.get(value.span, written(value))}"
