"""What the update rules remember of each parameter from one update to the next."""

from __future__ import annotations

from typing import Literal

from netspec.ir.graph import Parameter
from netspec.ir.settings import Sgd, UpdateRule

StateKind = Literal["velocities", "means", "squares"]
"""A number for each value of a parameter: its velocity, or the running mean of its gradient or squared gradient. In a
checkpoint, the kinds have these names."""

STATE_KINDS: tuple[StateKind, ...] = ("velocities", "means", "squares")


def state_kinds(rule: UpdateRule, parameter: Parameter) -> tuple[StateKind, ...]:
    """Return what the rule remembers of a parameter, in the order of ``STATE_KINDS``."""
    if not isinstance(rule, Sgd):
        return ("means", "squares")
    return ("velocities",) if parameter.super_eps is None else STATE_KINDS


def divides(rule: UpdateRule, parameter: Parameter) -> bool:
    """Whether a parameter's update is divided by a root of running means, which is computed for it each time."""
    return "squares" in state_kinds(rule, parameter)
