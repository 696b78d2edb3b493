"""Which keys of a layer have no effect, and why; and warnings about those that are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from netspec.check.facts import LayerFacts
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.formatting import format_count
from netspec.ir.rules import Sgd, UpdateRule, momentum_of
from netspec.keys import by_name
from netspec.keys.kind import one_of
from netspec.keys.learning import LEARNING, OF_BIASES, OF_PRODUCTS, OF_WEIGHTS
from netspec.keys.update_rules import WITH_MOMENTUM, word_of
from netspec.lowering import PerInput

Reasons = Iterator[tuple[str, str]]
"""Keys without effect, whether the layer gives them or not, each with the reason."""

_WEIGHT_KEYS = ("init", *by_name((*OF_WEIGHTS, *OF_PRODUCTS)))
_BIAS_KEYS = tuple(by_name(OF_BIASES))
_WEIGHT_RATES, _BIAS_RATES = ("lr", "lr_mult"), ("bias_lr", "bias_lr_mult")
_WEIGHT_UPDATES = tuple(key for key in _WEIGHT_KEYS if key not in ("init", *_WEIGHT_RATES, "norm_over"))
_BIAS_UPDATES = tuple(key for key in _BIAS_KEYS if key not in _BIAS_RATES)
_MOMENTA = ("momentum", "bias_momentum")
_GROUP_KEYS = ("gpu", "reads")
_POSSIBLE = frozenset((*_WEIGHT_KEYS, "bias_per", *_BIAS_KEYS, *_GROUP_KEYS, "update_every"))
"""The keys of which there may be a reason."""


def _reasons_of(facts: LayerFacts, settings: Settings) -> dict[str, str]:
    """Return the keys that have no effect in this layer, whether given or not, each with the first reason found."""
    found: dict[str, str] = {}
    for rule in _RULES:
        for key, why in rule(facts, settings):
            found.setdefault(key, why)
    return found


def _keys_of_another_rule(rule: UpdateRule, values: Mapping[str, Any], layer_type: str | None) -> Reasons:
    """Yield the keys with a value that do not belong to the train line's update rule. The ``momentum`` of a batch
    normalisation has a warning of its own (``traps``)."""
    if isinstance(rule, Sgd):
        return
    owners = {"super_eps": "sgd"} | (
        {} if momentum_of(rule) is not None else dict.fromkeys(_MOMENTA, one_of(WITH_MOMENTUM))
    )
    for key, owner in owners.items():
        if values.get(key) is not None and (layer_type, key) != ("batchnorm", "momentum"):
            yield key, f"it belongs to {owner}, and the train line has optimizer={word_of(rule)}"


def _of_another_rule(facts: LayerFacts, settings: Settings) -> Reasons:
    return _keys_of_another_rule(settings.train.rule, facts.values, facts.type)


def _of_shared_weights(facts: LayerFacts, settings: Settings) -> Reasons:
    owner = facts.values.get("weights")
    if owner:
        why = f"{facts.name} uses the weights of {owner[0]}, which initialises and trains them"
        yield from ((key, why) for key in _WEIGHT_KEYS if not _applies_to_biases(key, facts, settings))


def _of_decay(facts: LayerFacts, settings: Settings) -> Reasons:
    """Yield keys of the decay if the layer has none."""
    trained = not facts.values.get("weights") and isinstance(settings.train.rule, Sgd)
    if trained and None not in _values_of(facts, "super_eps"):
        yield from ((key, "the update rule of super_eps has no weight decay") for key in ("decay", "decay_mult"))
    if _values_of(facts, "decay") == {0} != _values_of(facts, "decay_mult"):
        yield "decay_mult", f"{facts.name}'s decay, which it multiplies, is 0"


def _of_fixed_weights(facts: LayerFacts, settings: Settings) -> Reasons:
    """Yield the update keys of weights whose learning rate is 0.

    The rate is a factor of every term of the velocity, including the decay: it stays 0 whatever the momentum is.
    """
    rate = _zero_rate_key(facts, *_WEIGHT_RATES)
    if rate is None or facts.values.get("weights"):
        return
    for key in _WEIGHT_UPDATES:
        if not _is_zero(facts, key) and not _applies_to_biases(key, facts, settings):
            yield key, f"{facts.name}'s weights do not change: {rate}=0"


def _of_fixed_biases(facts: LayerFacts, settings: Settings) -> Reasons:
    rate = _zero_bias_rate_key(facts)
    if rate is not None and _has_biases(facts):
        why = f"{facts.name}'s biases do not change: {rate}=0"
        yield from ((key, why) for key in _BIAS_UPDATES if not _is_zero(facts, key))


def _of_missing_parameters(facts: LayerFacts, settings: Settings) -> Reasons:
    if "bias" in facts.values and facts.values["bias"] is None:
        yield from ((key, f"{facts.name} has no biases: bias=none") for key in ("bias_per", *_BIAS_KEYS))
    if facts.values.get("affine") is False:
        why = f"{facts.name} has no coefficients and no biases: affine=no"
        yield from ((key, why) for key in by_name(LEARNING))


def _of_parts(facts: LayerFacts, settings: Settings) -> Reasons:
    """Yield ``norm_over=parts`` if the layer has one part, or no norm."""
    if facts.values.get("norm_over") != "parts":
        return
    if _values_of(facts, "parts") == {1}:
        yield "norm_over", f"{facts.name} has one part; parts=2 divides it into two"
    elif _values_of(facts, "max_norm") | _values_of(facts, "fixed_norm") == {None}:
        yield "norm_over", f"{facts.name} has neither max_norm nor fixed_norm, which it applies to"


def _of_parts_of_batch(facts: LayerFacts, settings: Settings) -> Reasons:
    """Yield ``update_every`` if it is a whole batch, or the layer has nothing to update."""
    parts = settings.train.accumulate
    has_default = "update_every" in settings.default_pairs.get(facts.type or "", {})
    if facts.values.get("update_every") == parts and not has_default:
        why = f"{format_count(parts)} parts are a whole batch, after which all layers are updated anyway"
        one = "each batch is processed in one part; train accumulate=4 divides it into four"
        yield "update_every", one if parts == 1 else why
    elif facts.values.get("weights") and facts.values.get("bias", True) is None:
        yield "update_every", f"{facts.name} has neither weights of its own nor biases"


def _of_gpu_groups(facts: LayerFacts, settings: Settings) -> Reasons:
    if "gpus" not in settings.statements:
        yield from ((key, "the file has no GPU groups; gpus 2 declares two") for key in _GROUP_KEYS)


_RULES: tuple[Callable[[LayerFacts, Settings], Reasons], ...] = (
    _of_another_rule,
    _of_shared_weights,
    _of_decay,
    _of_fixed_biases,
    _of_fixed_weights,
    _of_parts,
    _of_missing_parameters,
    _of_parts_of_batch,
    _of_gpu_groups,
)
"""If several give a reason for a key, the first does."""


def _applies_to_biases(key: str, facts: LayerFacts, settings: Settings) -> bool:
    """Whether a key of the weights also applies to the biases, because they have no such key of their own.

    Biases that another key keeps from being trained do not count.
    """
    if key not in ("lr", "schedule", "momentum") or not _has_biases(facts):
        return False
    own = facts.values.get(f"bias_{key}")
    if own is not None or (key == "schedule" and settings.train.bias_schedule is not None):
        return False
    return _zero_bias_rate_key(facts) in ((None, "lr") if key == "lr" else (None,))


def _has_biases(facts: LayerFacts) -> bool:
    """Whether a layer has biases: those that ``bias`` sets, or those of a normalisation."""
    return facts.values.get("bias") is not None or facts.values.get("affine") is True


def _zero_rate_key(facts: LayerFacts, *keys: str) -> str | None:
    """Return the first of ``keys`` that sets the learning rate to 0 for all inputs."""
    return next((key for key in keys if _values_of(facts, key) == {0}), None)


def _zero_bias_rate_key(facts: LayerFacts) -> str | None:
    """Return the key that sets the biases' learning rate to 0: one of their own, or the weights' ``lr``."""
    own = _zero_rate_key(facts, *_BIAS_RATES)
    return own or (_zero_rate_key(facts, "lr") if facts.values.get("bias_lr") is None else None)


def _values_of(facts: LayerFacts, key: str) -> set[Any]:
    """The values of a key over all inputs."""
    value = facts.values.get(key)
    return set(value.values) if isinstance(value, PerInput) else {value}


def _is_zero(facts: LayerFacts, key: str) -> bool:
    """Whether a key is 0. With a rate of 0 the decay is 0 in effect, and Caffe's files state both."""
    return _values_of(facts, key) == {0}


def warn_no_effect(layers: Sequence[LayerFacts], settings: Settings, findings: Findings) -> None:
    """Warn about a layer's own keys that have no effect. Keys from a ``default`` line are meant for many layers, so
    only those are reported that have no effect in any. Also warn of a Nesterov momentum of 0."""
    _warn_of_defaults(settings, findings)
    _warn_of_nesterov(layers, settings, findings)
    for facts in layers:
        if _POSSIBLE.isdisjoint(facts.section.body.keys):
            continue
        name = facts.name
        for key, why in _reasons_of(facts, settings).items():
            if key in facts.section.body.keys:
                message = f"{name}'s {key} has no effect"
                findings.warn("no-effect", message, facts.pairs[key].span, notes=(why,), layer=name)


def _warn_of_defaults(settings: Settings, findings: Findings) -> None:
    """Warn about keys of ``default`` lines that belong to another update rule."""
    for layer_type, pairs in settings.default_pairs.items():
        values = settings.defaults.get(layer_type, {})
        for key, why in _keys_of_another_rule(settings.train.rule, values, layer_type):
            if key in pairs:
                message = f"the {key} of default {layer_type} has no effect"
                findings.warn("no-effect", message, pairs[key].span, notes=(why,))


def _warn_of_nesterov(layers: Iterable[LayerFacts], settings: Settings, findings: Findings) -> None:
    """Warn about ``nesterov=yes`` if no parameter has a momentum."""
    rule = settings.train.rule
    if not isinstance(rule, Sgd) or not rule.nesterov or rule.momentum:
        return
    if any(_values_of(facts, key) - {None, 0} for facts in layers for key in ("momentum", "bias_momentum")):
        return
    pair = settings.pairs("train")["optimizer"]
    why = "without momentum, both rules are w <- w - decay lr w - lr g"
    findings.warn("no-effect", "nesterov=yes has no effect", pair.span, notes=(why,))
