"""The kind of ``optimizer=``, with its words: the update rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netspec.diagnostics.nearest import nearest
from netspec.diagnostics.other_tools import plain_word
from netspec.ir.settings import Adam, Sgd, Train, UpdateRule
from netspec.keys.calls import Argument, Form, arguments, as_call, notation
from netspec.keys.kind import BadValue, one_of, shown, unknown_word
from netspec.keys.numbers import Real
from netspec.keys.words import YES_NO
from netspec.language.syntax import Call, Value
from netspec.language.written import written

_TRAIN, _SGD, _ADAM = Train(), Sgd(), Adam()
_SHARE = Real(low=0, below=1)


def _decays(of_weights: float) -> tuple[Argument, ...]:
    return (
        Argument("weight_decay", Real(low=0), of_weights),
        Argument("bias_decay", Real(low=0), _TRAIN.bias_decay),
    )


def _of_adam(weight_decay: float) -> tuple[Argument, ...]:
    return (
        Argument("lr", Real(low=0), 0.001),
        Argument("beta1", _SHARE, _ADAM.beta1),
        Argument("beta2", _SHARE, _ADAM.beta2),
        Argument("eps", Real(above=0), _ADAM.eps),
        *_decays(weight_decay),
    )


_OF_SGD = (
    Argument("lr", Real(low=0), _TRAIN.lr),
    Argument("momentum", _SHARE, _SGD.momentum),
    *_decays(_TRAIN.weight_decay),
    Argument("nesterov", YES_NO, _SGD.nesterov, default_text="no"),
)
_VELOCITY = "v <- momentum v - decay lr w - lr g"
_NESTEROV = "w <- w + momentum v - decay lr w - lr g"
_MOMENTS = "m <- beta1 m + (1 - beta1) g, s <- beta2 s + (1 - beta2) g^2"
_STEP = "lr (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps)"

OPTIMIZERS: Mapping[str, Form] = {
    "sgd": Form(f"{_VELOCITY}, then w <- w + v. With nesterov=yes: {_VELOCITY}, then {_NESTEROV}", _OF_SGD),
    "adam": Form(f"update t, from 1: g <- g + decay w, {_MOMENTS}, then w <- w - {_STEP}", _of_adam(0.0)),
    "adamw": Form(f"update t, from 1: {_MOMENTS}, then w <- w - lr decay w - {_STEP}", _of_adam(0.01)),
}


def word_of(rule: UpdateRule) -> str:
    """Return the word of an update rule."""
    if isinstance(rule, Sgd):
        return "sgd"
    return "adamw" if rule.decoupled else "adam"


def formula(rule: UpdateRule) -> str:
    """Return a rule's update of a weight w with the gradient g, as a clause: ``an update is v <- ...``."""
    if isinstance(rule, Sgd):
        return f"an update is {_VELOCITY}, then {_NESTEROV if rule.nesterov else 'w <- w + v'}"
    return OPTIMIZERS[word_of(rule)].doc.replace(":", ", is", 1)


@dataclass(frozen=True, slots=True)
class Optimizer:
    """The kind of ``optimizer=``. It is read as the attributes of ``ir.settings.Train`` that it sets, by name."""

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
        given = arguments(call, OPTIMIZERS[word].arguments)
        result = {name: given.pop(name) for name in ("lr", "weight_decay", "bias_decay")}
        result["rule"] = Sgd(**given) if word == "sgd" else Adam(**given, decoupled=word == "adamw")
        return result


_ABSENT = frozenset((
    "adabelief", "adadelta", "adafactor", "adagrad", "adamax", "adamp", "amsgrad", "asgd", "ftrl", "lamb", "lars",
    "lbfgs", "lion", "muon", "nadam", "nadamw", "radam", "rmsprop", "rprop", "sgdw", "shampoo", "sparseadam",
))  # fmt: skip
"""Update rules that other tools have and specs do not. No similar spelling is suggested for them."""
_NESTEROVS = ("nag", "nesterov", "nesterovsgd", "sgdnesterov")
"""Names that other tools have for ``sgd(nesterov=yes)``."""


def meant(word: str) -> tuple[str, dict[str, str]] | None:
    """Return the update rule that a word, possibly another tool's, stands for, with the arguments that it implies, or
    ``None``."""
    plain = plain_word(word)
    if plain in _NESTEROVS:
        return "sgd", {"nesterov": "yes"}
    near = word if word in OPTIMIZERS else nearest(word, OPTIMIZERS) if plain not in _ABSENT else None
    return (near, {}) if near else None


def may_mean(word: str, argument: str) -> bool:
    """Whether an unknown word that resembles an argument may mean it. ``eps`` is also a part of ``steps``."""
    return argument != "eps" or word.startswith("eps")


def _unknown(value: Value, words: tuple[str, ...], doc: str) -> BadValue:
    """Return the error for a value that is not an update rule.

    If it is another tool's call of one, such as ``SGD(lr=0.1, nesterov=True)``, its replacement is the whole call.
    """
    call = as_call(value)
    found = meant(call.name.text) if call else None
    if call is None or found is None:
        return BadValue(f"needs {doc}, not '{shown(value)}'", value.span)
    word, implied = found
    errors = _errors(call, OPTIMIZERS[word].arguments)
    if not implied and not (errors and all(error.replacement for error in errors)):
        error = unknown_word(value, words, doc)
        error.others = errors
        return error
    text = f"{word}({', '.join((*_corrected(call, errors), *map('='.join, implied.items())))})"
    return BadValue(f"'{call.name.text}' is unknown; did you mean {text}?", call.span, replacement=text)


def _errors(call: Call, signature: tuple[Argument, ...]) -> tuple[BadValue, ...]:
    """Return all errors in the arguments of a call."""
    try:
        arguments(call, signature)
    except BadValue as error:
        return error, *error.others
    return ()


def _corrected(call: Call, errors: Sequence[BadValue]) -> Iterator[str]:
    """Yield the arguments of a call as text, with the replacements of errors."""
    replacements = {error.span: error.replacement for error in errors if error.replacement}
    yield from (replacements.get(value.span, written(value)) for value in call.args)
    for key, value in call.named:
        name = replacements.get(key.span, key.text)
        yield f"{name}={replacements.get(value.span, written(value))}"
