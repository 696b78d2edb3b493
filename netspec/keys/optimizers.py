"""The kind of ``optimizer=``, with its words: the update rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from netspec.diagnostics.nearest import nearest
from netspec.diagnostics.other_keys import ABSENT_SETTINGS
from netspec.diagnostics.other_tools import plain_word
from netspec.formatting import format_number
from netspec.ir.rules import AdaDelta, AdaGrad, Adam, Lamb, Lars, RmsProp, Sgd, UpdateRule
from netspec.ir.settings import Train
from netspec.keys.calls import Argument, Form, arguments, as_call, notation
from netspec.keys.kind import BadValue, none_of, one_of, unknown_word
from netspec.keys.numbers import Real
from netspec.keys.words import YES_NO, Choice
from netspec.language.syntax import Call, Number, Pair, Value
from netspec.language.written import written

_TRAIN, _SGD, _ADAM, _RMS, _DELTA, _LARS, _LAMB = Train(), Sgd(), Adam(), RmsProp(), AdaDelta(), Lars(), Lamb()
_SHARE = Real(low=0, below=1)


def _decays(of_weights: float) -> tuple[Argument, ...]:
    return (
        Argument("weight_decay", Real(low=0), of_weights),
        Argument("bias_decay", Real(low=0), _TRAIN.bias_decay),
    )


def _of_adam(eps: float, weight_decay: float) -> tuple[Argument, ...]:
    return (
        Argument("lr", Real(low=0), 0.001),
        Argument("beta1", _SHARE, _ADAM.beta1),
        Argument("beta2", _SHARE, _ADAM.beta2),
        Argument("eps", Real(above=0), eps),
        *_decays(weight_decay),
    )


_ADAPT = Argument("adapt", Choice({"weights": "weights", "all": "all"}), "weights", default_text="weights")


_OF_SGD = (
    Argument("lr", Real(low=0), _TRAIN.lr),
    Argument("momentum", _SHARE, _SGD.momentum),
    *_decays(_TRAIN.weight_decay),
    Argument("nesterov", YES_NO, _SGD.nesterov, default_text="no"),
)
_EPS = (
    Argument("eps", Real(above=0), default_text=f"{format_number(_RMS.eps)}, without eps_in_root"),
    Argument("eps_in_root", Real(above=0), default_text="none"),
    Argument("start", Real(low=0), _RMS.start),
)
_OF_RMSPROP = (
    Argument("lr", Real(low=0), 0.001),
    Argument("rho", _SHARE, _RMS.rho),
    Argument("momentum", _SHARE, _RMS.momentum),
    *_EPS,
    Argument("centered", YES_NO, _RMS.centered, default_text="no"),
    *_decays(0.0),
)
_OF_ADAGRAD = (Argument("lr", Real(low=0), 0.01), *_EPS, *_decays(0.0))
_OF_ADADELTA = (
    Argument("lr", Real(low=0), 1.0),
    Argument("rho", _SHARE, _DELTA.rho),
    Argument("eps", Real(above=0), _DELTA.eps),
    *_decays(0.0),
)
_OF_LARS = (
    Argument("lr", Real(low=0), 1.0),
    Argument("momentum", _SHARE, _LARS.momentum),
    *_decays(0.0),
    Argument("trust", Real(above=0), _LARS.trust),
    Argument("eps", Real(low=0), _LARS.eps),
    _ADAPT,
)
_VELOCITY = "v <- momentum v - decay lr w - lr g"
_NESTEROV = "w <- w + momentum v - decay lr w - lr g"
_MOMENTS = "m <- beta1 m + (1 - beta1) g, s <- beta2 s + (1 - beta2) g^2"
_STEP = "lr (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps)"
_DECAYED = "g <- g + decay w"
_SQUARES, _SUM, _MEAN = "s <- rho s + (1 - rho) g^2", "s <- s + g^2", "m <- rho m + (1 - rho) g"
_MOVES = "d <- g sqrt(m + eps) / sqrt(s + eps), m <- rho m + (1 - rho) d^2"
_RATIO = "r = trust |w| / (|g| + decay |w| + eps)"
_LARS_STEP = "v <- momentum v - lr r (g + decay w), then w <- w + v"
_LAMB_STEP = "u = (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps) + decay w, then w <- w - lr (|w| / |u|) u"
_NORMS = (
    "The norms are those of all weights of a layer together (of each input, if it has several), in whatever groups and "
    "on however many devices they are. {ratio} is 1 where a norm is 0, and for biases and the coefficients of "
    "normalisations, unless adapt=all"
)
_IN_ROOT = "with eps_in_root, sqrt(s + eps_in_root) takes the place of sqrt(s) + eps"


def _rooted(rule: type[RmsProp | AdaGrad], *, eps: float | None, eps_in_root: float | None, **own: Any) -> UpdateRule:
    """Return a rule of which at most one of the two ``eps`` is given."""
    if eps_in_root is not None:
        return rule(eps=0.0, eps_in_root=eps_in_root, **own)
    return rule(**own) if eps is None else rule(eps=eps, **own)


OPTIMIZERS: Mapping[str, Form] = {
    "sgd": Form(f"{_VELOCITY}, then w <- w + v. With nesterov=yes: {_VELOCITY}, then {_NESTEROV}", _OF_SGD, Sgd),
    "adam": Form(
        f"update t, from 1: g <- g + decay w, {_MOMENTS}, then w <- w - {_STEP}", _of_adam(_ADAM.eps, 0.0), Adam
    ),
    "adamw": Form(
        f"update t, from 1: {_MOMENTS}, then w <- w - lr decay w - {_STEP}",
        _of_adam(_ADAM.eps, 0.01),
        partial(Adam, decoupled=True),
    ),
    "rmsprop": Form(
        f"{_DECAYED}, {_SQUARES} from s = start, v <- momentum v - lr g / (sqrt(s) + eps), then w <- w + v; "
        f"{_IN_ROOT}, and with centered=yes, s - m^2 that of s in the root, with {_MEAN}. PyTorch has eps and start=0; "
        "TensorFlow 1, with which Inception-v3, MobileNet and EfficientNet were trained, has eps_in_root and start=1",
        _OF_RMSPROP,
        partial(_rooted, RmsProp),
    ),
    "adagrad": Form(
        f"{_DECAYED}, {_SUM} from s = start, then w <- w - lr g / (sqrt(s) + eps); {_IN_ROOT}. PyTorch and Caffe have "
        "eps and start=0; Keras has eps_in_root and start=0.1",
        _OF_ADAGRAD,
        partial(_rooted, AdaGrad),
    ),
    "adadelta": Form(
        f"{_DECAYED}, {_SQUARES}, {_MOVES}, then w <- w - lr d (Zeiler 2012, with lr=1)",
        _OF_ADADELTA,
        AdaDelta,
    ),
    "lars": Form(
        f"{_RATIO}, {_LARS_STEP}: for large batches (You, Gitman & Ginsburg 2017). {_NORMS.format(ratio='r')}",
        _OF_LARS,
        Lars,
    ),
    "lamb": Form(
        f"update t, from 1: {_MOMENTS}, {_LAMB_STEP}: for large batches (You et al. 2020). "
        f"{_NORMS.format(ratio='|w| / |u|')}",
        (*_of_adam(_LAMB.eps, 0.01), _ADAPT),
        Lamb,
    ),
}
"""The update rules; ``make`` makes each of those of its arguments that are not attributes of ``Train``."""

WITH_MOMENTUM = tuple(word for word, form in OPTIMIZERS.items() if "momentum" in [a.name for a in form.arguments])
"""The update rules with a momentum."""


def word_of(rule: UpdateRule) -> str:
    """Return the word of an update rule."""
    match rule:
        case Sgd():
            return "sgd"
        case Adam():
            return "adamw" if rule.decoupled else "adam"
        case RmsProp():
            return "rmsprop"
        case AdaGrad():
            return "adagrad"
        case AdaDelta():
            return "adadelta"
        case Lars():
            return "lars"
        case Lamb():
            return "lamb"


def formula(rule: UpdateRule) -> str:
    """Return a rule's update of a weight w with the gradient g, as a clause: ``an update is v <- ...``."""
    match rule:
        case Sgd():
            return f"an update is {_VELOCITY}, then {_NESTEROV if rule.nesterov else 'w <- w + v'}"
        case Adam():
            return OPTIMIZERS[word_of(rule)].doc.replace(":", ", is", 1)
        case RmsProp():
            mean, inner = (f"{_MEAN}, ", "s - m^2") if rule.centered else ("", "s")
            step = f"v <- momentum v - lr g / {_root(rule, inner)}, then w <- w + v"
            return f"an update is {_DECAYED}, {_SQUARES} from {format_number(rule.start)}, {mean}{step}"
        case AdaGrad():
            step = f"w <- w - lr g / {_root(rule, 's')}"
            return f"an update is {_DECAYED}, {_SUM} from {format_number(rule.start)}, then {step}"
        case AdaDelta():
            return f"an update is {_DECAYED}, {_SQUARES}, {_MOVES}, then w <- w - lr d"
        case Lars():
            return f"an update is {_RATIO}, {_LARS_STEP}"
        case Lamb():
            return f"an update t, from 1, is {_MOMENTS}, {_LAMB_STEP}"


def _root(rule: RmsProp | AdaGrad, inner: str) -> str:
    """Return what a step is divided by."""
    return f"sqrt({inner} + eps_in_root)" if rule.eps_in_root else f"(sqrt({inner}) + eps)"


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
        return arguments(call, OPTIMIZERS[word].arguments, _argument_meant(word))
    except BadValue as error:
        for each in (error, *error.others):
            if about := ABSENT_SETTINGS.get(plain_word(each.span.text)):
                each.notes = (about,)
        raise


_ABSENT = frozenset((
    "adabelief", "adafactor", "adamax", "adamp", "amsgrad", "asgd", "ftrl", "larc", "lbfgs", "lion", "muon", "nadam",
    "nadamw", "radam", "rprop", "sgdw", "shampoo", "sparseadam",
))  # fmt: skip
"""Update rules that other tools have and specs do not. No similar spelling is suggested for them."""
_NESTEROVS = ("nag", "nesterov", "nesterovsgd", "sgdnesterov")
"""Names that other tools have for ``sgd(nesterov=yes)``."""
_TENSORFLOWS = ("rmspropoptimizer", "rmsproptf", "tfrmsprop")
"""Names of TensorFlow's RMSProp, whose mean square starts from 1. timm's ``RMSpropTF`` calls what is in the root
``eps``."""


def meant(word: str) -> tuple[str, dict[str, str]] | None:
    """Return the update rule that a word, possibly another tool's, stands for, with the arguments that it implies, or
    ``None``."""
    plain = plain_word(word)
    if plain in _NESTEROVS:
        return "sgd", {"nesterov": "yes"}
    if plain in _TENSORFLOWS:
        return "rmsprop", {"start": "1"}
    near = word if word in OPTIMIZERS else nearest(word, OPTIMIZERS) if plain not in _ABSENT else None
    return (near, {}) if near else None


def argument_meant(word: str, rule: str | None) -> tuple[str, str] | None:
    """Return a rule that has, or may have, an argument that a word names or resembles, and the argument: ``rule`` if
    it is given and has one, otherwise the first that has; ``None`` if no rule has."""
    exact = [name for name, form in OPTIMIZERS.items() if word in [a.name for a in form.arguments]]
    for name in (*([rule] if rule else ()), *exact, *OPTIMIZERS):
        near = nearest(word, [a.name for a in OPTIMIZERS[name].arguments])
        if near and _may_mean(word, near):
            return name, near
    return None


def _argument_meant(rule: str) -> Callable[[Pair], str | None]:
    """Return what finds out the arguments of a rule that others may mean by an unknown name and its value.

    TensorFlow's ``decay`` of RMSProp is rho, near 1; that of other tools is a weight decay, near 0.
    """

    def of_pair(pair: Pair) -> str | None:
        near_one = isinstance(pair.value, Number) and pair.value.value >= 0.5
        return "rho" if (rule, plain_word(pair.key.text)) == ("rmsprop", "decay") and near_one else None

    return of_pair


def _may_mean(word: str, argument: str) -> bool:
    """Whether an unknown word that resembles an argument may mean it. ``eps`` is also a part of ``steps``, and
    ``start`` one of ``start_epoch``."""
    if argument == "start":
        return plain_word(word) in ("start", "initialaccumulatorvalue")
    return argument not in ("eps", "eps_in_root") or word.startswith("eps")


def _unknown(value: Value, words: tuple[str, ...], doc: str) -> BadValue:
    """Return the error for a value that is not an update rule.

    If it is another tool's call of one, such as ``SGD(lr=0.1, nesterov=True)``, its replacement is the whole call.
    """
    call = as_call(value)
    found = meant(call.name.text) if call else None
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
        name = replacements.get(key.span, key.text)
        if name == "eps" and plain_word(call.name.text) in _TENSORFLOWS:
            name = "eps_in_root"
        yield f"{name}={replacements.get(value.span, written(value))}"
