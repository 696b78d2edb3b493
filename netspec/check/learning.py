"""How weights and biases are updated, by the keys of their layer and the ``train`` line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from netspec.ir.constraint import BOUNDS, FREE, Constraint
from netspec.ir.ops.base import Role
from netspec.ir.rules import Sgd, momentum_of
from netspec.ir.schedules import OwnSchedule
from netspec.ir.settings import Train
from netspec.lowering import PerInput


class Rule(NamedTuple):
    """How one parameter is updated: the fields of ``netspec.ir.graph.Parameter`` of these names, in their order."""

    lr: float
    momentum: float
    decay: float
    constraint: Constraint
    schedule: OwnSchedule | None
    update_every: int | None
    super_eps: float | None


class Rules:
    """The rules of one layer's parameters, by the ``train`` line and the values of the layer's keys."""

    def __init__(self, train: Train, values: Mapping[str, Any]) -> None:
        self._train = train
        self._values = values

    def of(self, role: Role, index: int) -> Rule:
        """Return the rule of the weights of the input at ``index``, or of the biases.

        A bias belongs to all inputs; without a rate or momentum of its own, it has those of the first input's weights.
        """
        return self._bias_rule(index) if role == "bias" else self._weight_rule(index)

    def _weight_rule(self, index: int) -> Rule:
        super_eps = self._super_eps(index)
        decay = _or_default(self._value("decay", index), self._train.weight_decay) * self._value("decay_mult", index)
        return Rule(
            self._lr(index) * self._value("lr_mult", index),
            self._momentum(index),
            decay if super_eps is None else 0.0,  # the update rule of super_eps has no weight decay
            self._constraint(index),
            self._schedule(self._value("schedule", index)),
            self._update_every,
            super_eps,
        )

    def _bias_rule(self, index: int) -> Rule:
        train, values = self._train, self._values
        momentum = self._momentum(index)
        return Rule(
            _or_default(values.get("bias_lr"), self._lr(index)) * values["bias_lr_mult"],
            _or_default(values.get("bias_momentum"), momentum) if momentum_of(train.rule) is not None else momentum,
            _or_default(values.get("bias_decay"), train.bias_decay) * values["bias_decay_mult"],
            FREE,
            self._schedule(values.get("bias_schedule"), train.bias_schedule, self._value("schedule", index)),
            self._update_every,
            None,
        )

    def _lr(self, index: int) -> float:
        return _or_default(self._value("lr", index), self._train.lr)

    def _momentum(self, index: int) -> float:
        """The momentum of the weights of one input; 0 if the update rule has none."""
        momentum = momentum_of(self._train.rule)
        return 0.0 if momentum is None else _or_default(self._value("momentum", index), momentum)

    def _super_eps(self, index: int) -> float | None:
        """The ``super_eps`` of the weights of one input. It belongs to ``sgd``, whose rule it replaces."""
        value: float | None = self._value("super_eps", index)
        return value if isinstance(self._train.rule, Sgd) else None

    def _schedule(self, *candidates: OwnSchedule | None) -> OwnSchedule | None:
        """The first schedule that is given, ``None`` if it is the ``train`` line's."""
        chosen = next((schedule for schedule in candidates if schedule is not None), None)
        return None if chosen == self._train.schedule else chosen

    def _constraint(self, index: int) -> Constraint:
        """The bounds on the weights of one input."""
        bounds = {key: self._value(key, index) for key in BOUNDS}
        if not any(bounds.values()):
            return FREE
        constraint = Constraint(**bounds)
        by_parts = self._values.get("norm_over") == "parts" and (constraint.max_norm or constraint.fixed_norm)
        return replace(constraint, parts=self._value("parts", index)) if by_parts else constraint

    @property
    def _update_every(self) -> int | None:
        every: int | None = self._values.get("update_every")
        return None if every == self._train.accumulate else every

    def _value(self, key: str, index: int) -> Any:
        """The value of a key for one of the inputs, or ``None``."""
        value = self._values.get(key)
        return value.values[index] if isinstance(value, PerInput) else value


def _or_default(value: float | None, default: float) -> float:
    return default if value is None else value
