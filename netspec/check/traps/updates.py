"""Traps in how parameters are updated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.check.facts import LayerFacts
from netspec.check.statements import Settings
from netspec.check.traps.warning import warning
from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.formatting import format_number
from netspec.ir.graph import Graph
from netspec.ir.ops import BatchNorm
from netspec.ir.rules import Adam, Lamb, Lars, RmsProp, UpdateRule, momentum_of
from netspec.keys.update_rules import word_of

SAFE_SUPER_EPS = 0.25
"""From this value on, the running mean that ``super_eps`` takes the square root of is never negative."""


def batchnorm_momentum(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about ``momentum`` of a batch normalisation, which means something else in PyTorch and Keras.

    One from a ``default`` line is reported at the first layer only.
    """
    default_reported = False
    for node in graph.nodes.values():
        momentum = facts[node.layer].values.get("momentum") if isinstance(node.op, BatchNorm) else None
        if momentum is None:
            continue
        pair = facts[node.layer].pairs.get("momentum")
        if default_reported and pair is None:
            continue
        default_reported = default_reported or pair is None
        tool, share = ("Keras or Caffe", 1 - momentum) if momentum > 0.5 else ("PyTorch", momentum)
        written, average = f"momentum={format_number(momentum)}", f"average={format_number(round(share, 6))}"
        message = f"{written} of {node.layer} is {_meaning(graph.train.rule)}"
        notes = [f"{written} of {tool} is {average} here, the share of the running averages that a step replaces"]
        fixes = [Fix(f"write {average}", (Edit(pair.span, average),))] if pair and momentum else []
        yield warning("batchnorm-momentum", message, node, facts, ("momentum",), notes, fixes)


def _meaning(rule: UpdateRule) -> str:
    """Return what the momentum of a batch normalisation is."""
    if momentum_of(rule) is not None:
        return "the momentum of its weights in training"
    return f"the momentum of its weights in training, and {word_of(rule)} has none"


def super_eps(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about a ``super_eps`` that may be too small: the mean of g^2 + g can be as low as -1/4, at g = -1/2."""
    for node in graph.nodes.values():
        for p in (graph.parameters[key] for key in node.params):
            if p.layer == node.layer and p.super_eps is not None and p.super_eps < SAFE_SUPER_EPS and p.lr:
                message = f"{p.layer}'s super_eps={format_number(p.super_eps)} may take the root of a negative number"
                notes = [
                    "g^2 + g is -0.25 at g = -0.5; with super_eps=0.25 or more its mean plus super_eps is not negative"
                ]
                yield warning("super-eps-too-small", message, node, facts, ("super_eps",), notes)
                break


LARGEST_STEP = 0.1
"""A step of every weight, from which on a rate is far too large: ten times what initial weights usually are."""
_SMALL = 0.01
"""Below this, a constant beside the root hardly makes steps smaller."""


def rate_too_large(settings: Settings) -> Iterator[Diagnostic]:
    """Warn if the steps of the rule, which do not become smaller with the gradients, are very large at this rate."""
    train, optimizer = settings.train, settings.pairs("train").get("optimizer")
    found = _too_large(train.rule, train.lr)
    if found is None or optimizer is None:
        return
    usual, why = found
    word = word_of(train.rule)
    message = f"a learning rate of {format_number(train.lr)} is far too large for {word}: usual are {usual}"
    yield Diagnostic("rate-too-large", message, (optimizer.span,), (why,), severity="warning")


def _too_large(rule: UpdateRule, lr: float) -> tuple[str, str] | None:
    """Return which rates are usual, and what a rate does that is too large, or ``None``."""
    step = "a step moves a weight by up to about lr, however small its gradient is, and initial weights are about 0.01"
    match rule:
        case Adam() if lr >= LARGEST_STEP:
            return "0.0001 to 0.01", step
        case RmsProp() if lr >= LARGEST_STEP and max(rule.eps, rule.eps_in_root**0.5) < _SMALL:
            return "0.0001 to 0.01", step
        case Lamb() if lr >= 1:
            return "0.001 to 0.02", "a step is lr times as long as the weights of the layer"
        case Lars() if lr * rule.trust >= 1:
            ratio = f"{format_number(lr)} * {format_number(rule.trust)} = {format_number(lr * rule.trust)}"
            return "1 to 30, with trust=0.001", f"a step is up to lr trust times as long as the weights: {ratio}"
    return None
