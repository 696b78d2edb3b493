"""Update rules and their arguments as other tools write them."""

from __future__ import annotations

from netspec.diagnostics.nearest import nearest
from netspec.diagnostics.other_tools.words import plain_word
from netspec.keys.update_rules import OPTIMIZERS
from netspec.language.syntax import Number, Pair

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


def rule_meant(word: str) -> tuple[str, dict[str, str]] | None:
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


def argument_of_value(rule: str, pair: Pair) -> str | None:
    """Return the argument of a rule that an unknown name stands for because of its value, or ``None``.

    TensorFlow's ``decay`` of RMSProp is rho, near 1; that of other tools is a weight decay, near 0.
    """
    near_one = isinstance(pair.value, Number) and pair.value.value >= 0.5
    return "rho" if (rule, plain_word(pair.key.text)) == ("rmsprop", "decay") and near_one else None


def argument_of_tool(word: str, argument: str) -> str:
    """Return the argument of the rule that ``word`` stands for which this word's tool calls ``argument``."""
    return "eps_in_root" if argument == "eps" and plain_word(word) in _TENSORFLOWS else argument


def _may_mean(word: str, argument: str) -> bool:
    """Whether an unknown word that resembles an argument may mean it. ``eps`` is also a part of ``steps``, and
    ``start`` one of ``start_epoch``."""
    if argument == "start":
        return plain_word(word) in ("start", "initialaccumulatorvalue")
    return argument not in ("eps", "eps_in_root") or word.startswith("eps")
