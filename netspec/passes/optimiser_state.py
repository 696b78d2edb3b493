"""What the update rules remember of each parameter from one update to the next."""

from __future__ import annotations

from typing import Literal

from netspec.ir.graph import Parameter
from netspec.ir.rules import AdaGrad, Adam, RmsProp, Sgd, UpdateRule

StateKind = Literal["velocities", "means", "squares"]
"""A number for each value of a parameter: its velocity, the running mean of its gradient, or the running mean or sum of
its squared gradient. In a checkpoint, the kinds have these names."""

STATE_KINDS: tuple[StateKind, ...] = ("velocities", "means", "squares")


def state_kinds(rule: UpdateRule, parameter: Parameter) -> tuple[StateKind, ...]:
    """Return what the rule remembers of a parameter, in the order of ``STATE_KINDS``."""
    match rule:
        case Sgd():
            return ("velocities",) if parameter.super_eps is None else STATE_KINDS
        case Adam():
            return ("means", "squares")
        case RmsProp():
            used = {"velocities": bool(parameter.momentum), "means": rule.centered, "squares": True}
            return tuple(kind for kind in STATE_KINDS if used[kind])
        case AdaGrad():
            return ("squares",)


def divides(rule: UpdateRule, parameter: Parameter) -> bool:
    """Whether a parameter's update is divided by a root of its squared gradients, which is computed each time."""
    return "squares" in state_kinds(rule, parameter)
