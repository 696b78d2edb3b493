"""What the update rules remember of each parameter from one update to the next."""

from __future__ import annotations

from typing import Literal

from netspec.ir.graph import Parameter
from netspec.ir.rules import AdaDelta, AdaGrad, Adam, Lamb, Lars, RmsProp, Sgd, UpdateRule

StateKind = Literal["velocities", "means", "squares", "moves"]
"""A number for each value of a parameter: its velocity, the running mean of its gradient, the running mean or sum of
its squared gradient, or the running mean of its squared moves. In a checkpoint, the kinds have these names."""

STATE_KINDS: tuple[StateKind, ...] = ("velocities", "means", "squares", "moves")


def state_kinds(rule: UpdateRule, parameter: Parameter) -> tuple[StateKind, ...]:
    """Return what the rule remembers of a parameter, in the order of ``STATE_KINDS``."""
    match rule:
        case Sgd():
            return ("velocities",) if parameter.super_eps is None else ("velocities", "means", "squares")
        case Lars():
            return ("velocities",)
        case Adam() | Lamb():
            return ("means", "squares")
        case RmsProp():
            velocities: tuple[StateKind, ...] = ("velocities",) if parameter.momentum else ()
            return (*velocities, "means", "squares") if rule.centered else (*velocities, "squares")
        case AdaGrad():
            return ("squares",)
        case AdaDelta():
            return ("squares", "moves")


def divides(rule: UpdateRule, parameter: Parameter) -> bool:
    """Whether a parameter's update is divided by a root of its squared gradients, which is computed each time."""
    return "squares" in state_kinds(rule, parameter)


def adapts(rule: UpdateRule, parameter: Parameter) -> bool:
    """Whether a rule scales the updates of a parameter by a trust ratio.

    Weights of connections have two axes or more. The others, biases and the coefficients of normalisations, are exempt
    as in most implementations, unless ``adapt`` is ``"all"``.
    """
    if not isinstance(rule, Lars | Lamb):
        return False
    return rule.adapt == "all" or (parameter.role == "weight" and len(parameter.shape) > 1)
