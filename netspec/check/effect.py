"""Warnings about keys of a layer that have no effect, because of another key or a missing statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netspec.check.facts import LayerFacts
from netspec.check.idle_keys import POSSIBLE, of_another_rule, reasons_of, values_of
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.ir.rules import Sgd


def warn_no_effect(layers: Sequence[LayerFacts], settings: Settings, findings: Findings) -> None:
    """Warn about a layer's own keys that have no effect. Keys from a ``default`` line are meant for many layers, so
    only those are reported that have no effect in any. Also warn of a Nesterov momentum of 0."""
    _warn_of_defaults(settings, findings)
    _warn_of_nesterov(layers, settings, findings)
    for facts in layers:
        if POSSIBLE.isdisjoint(facts.section.body.keys):
            continue
        name = facts.name
        for key, why in reasons_of(facts, settings).items():
            if key in facts.section.body.keys:
                message = f"{name}'s {key} has no effect"
                findings.warn("no-effect", message, facts.pairs[key].span, notes=(why,), layer=name)


def _warn_of_defaults(settings: Settings, findings: Findings) -> None:
    """Warn about keys of ``default`` lines that belong to another update rule."""
    for layer_type, pairs in settings.default_pairs.items():
        values = settings.defaults.get(layer_type, {})
        for key, why in of_another_rule(settings.train.rule, values, layer_type):
            if key in pairs:
                message = f"the {key} of default {layer_type} has no effect"
                findings.warn("no-effect", message, pairs[key].span, notes=(why,))


def _warn_of_nesterov(layers: Iterable[LayerFacts], settings: Settings, findings: Findings) -> None:
    """Warn about ``nesterov=yes`` if no parameter has a momentum."""
    rule = settings.train.rule
    if not isinstance(rule, Sgd) or not rule.nesterov or rule.momentum:
        return
    if any(values_of(facts, key) - {None, 0} for facts in layers for key in ("momentum", "bias_momentum")):
        return
    pair = settings.pairs("train")["optimizer"]
    why = "without momentum, both rules are w <- w - decay lr w - lr g"
    findings.warn("no-effect", "nesterov=yes has no effect", pair.span, notes=(why,))
