"""The update rules by their words, with their arguments and docs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from netspec.formatting import format_number
from netspec.ir.rules import AdaDelta, AdaGrad, Adam, Lamb, Lars, RmsProp, Sgd, UpdateRule
from netspec.ir.settings import Train
from netspec.keys.calls import Argument, Form
from netspec.keys.formulas import MEAN, formula
from netspec.keys.numbers import Real
from netspec.keys.words import YES_NO, Choice

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


_ADAPT = Argument("adapt", Choice(("weights", "all")), "weights", default_text="weights")


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
_NORMS = (
    "The norms are those of all weights of a layer together (of each input, if it has several), in whatever groups and "
    "on however many devices they are. {ratio} is 1 where a norm is 0, and for biases and the coefficients of "
    "normalisations, unless adapt=all"
)
_NUMBERED = "update t, from 1: "
_IN_ROOT = "with eps_in_root, sqrt(s + eps_in_root) takes the place of sqrt(s) + eps"


def _rooted(rule: type[RmsProp | AdaGrad], *, eps: float | None, eps_in_root: float | None, **own: Any) -> UpdateRule:
    """Return a rule of which at most one of the two ``eps`` is given."""
    if eps_in_root is not None:
        return rule(eps=0.0, eps_in_root=eps_in_root, **own)
    return rule(**own) if eps is None else rule(eps=eps, **own)


OPTIMIZERS: Mapping[str, Form] = {
    "sgd": Form(f"{formula(Sgd())}. With nesterov=yes: {formula(Sgd(nesterov=True))}", _OF_SGD, Sgd),
    "adam": Form(f"{_NUMBERED}{formula(Adam())}", _of_adam(_ADAM.eps, 0.0), Adam),
    "adamw": Form(
        f"{_NUMBERED}{formula(Adam(decoupled=True))}", _of_adam(_ADAM.eps, 0.01), partial(Adam, decoupled=True)
    ),
    "rmsprop": Form(
        f"{formula(RmsProp())}; {_IN_ROOT}, and with centered=yes, s - m^2 that of s in the root, with {MEAN}. PyTorch "
        "has eps and start=0; TensorFlow 1, with which Inception-v3, MobileNet and EfficientNet were trained, has "
        "eps_in_root and start=1",
        _OF_RMSPROP,
        partial(_rooted, RmsProp),
    ),
    "adagrad": Form(
        f"{formula(AdaGrad())}; {_IN_ROOT}. PyTorch and Caffe have eps and start=0; Keras has eps_in_root and "
        "start=0.1",
        _OF_ADAGRAD,
        partial(_rooted, AdaGrad),
    ),
    "adadelta": Form(f"{formula(AdaDelta())} (Zeiler 2012, with lr=1)", _OF_ADADELTA, AdaDelta),
    "lars": Form(
        f"{formula(Lars())}: for large batches (You, Gitman & Ginsburg 2017). {_NORMS.format(ratio='r')}",
        _OF_LARS,
        Lars,
    ),
    "lamb": Form(
        f"{_NUMBERED}{formula(Lamb())}: for large batches (You et al. 2020). {_NORMS.format(ratio='|w| / |u|')}",
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
