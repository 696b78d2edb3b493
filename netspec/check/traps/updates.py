"""Traps in how parameters are updated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.check.facts import LayerFacts
from netspec.check.traps.warning import warning
from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.formatting import format_number
from netspec.ir.graph import Graph
from netspec.ir.ops import BatchNorm
from netspec.ir.rules import UpdateRule, momentum_of
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
