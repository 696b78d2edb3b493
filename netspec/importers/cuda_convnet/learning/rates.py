"""The learning settings of one layer's weights and biases, and the spec's keys for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netspec.formatting import format_literal
from netspec.importers.cuda_convnet.layers.model import Layer
from netspec.importers.cuda_convnet.learning.schedules import Schedule
from netspec.importers.cuda_convnet.options import Options


@dataclass(frozen=True, slots=True)
class Rates:
    """The learning settings of one layer's weights, with a value per input, and of its biases.

    ``constraints`` are the spec's keys that constrain the weights or scale their gradients. ``period`` is the number of
    passes between two updates, in version 2.
    """

    options: Options
    lr: tuple[float, ...]
    momentum: tuple[float, ...]
    decay: tuple[float, ...]
    constraints: Mapping[str, tuple[str, ...]]
    bias_lr: float
    bias_momentum: float
    schedules: tuple[Schedule, ...]
    bias_schedule: Schedule
    period: int | None = None

    @property
    def learns(self) -> bool:
        """Whether the weights or the biases have a positive rate."""
        return any((*self.lr, self.bias_lr))

    def weight_keys(self, usual_schedule: str) -> dict[str, tuple[str, ...]]:
        """Return the learning keys of the weights, with a value per input.

        Keys without effect are omitted: momentum and decay of weights that do not learn, and decay with ``super_eps``.
        """
        keys = {"lr": tuple(map(format_literal, self.lr)), "schedule": self._schedules(usual_schedule)}
        if any(self.lr):
            keys["momentum"] = tuple(map(format_literal, self.momentum))
        if any(self.lr) and "super_eps" not in self.constraints:
            keys["decay"] = tuple(map(format_literal, self.decay))
        return keys

    def _schedules(self, usual: str) -> tuple[str, ...]:
        """Return the schedules of the weights.

        The schedule of weights with a rate of 0 has no effect. It is replaced by that of the layer's other weights, or
        by the usual one.
        """
        learnt = [s.text for s, rate in zip(self.schedules, self.lr, strict=True) if rate]
        idle = learnt[0] if learnt else usual
        return tuple(s.text if rate else idle for s, rate in zip(self.schedules, self.lr, strict=True))


def own_weight_keys(r: Rates, usual: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return a layer's keys for its weights where they differ from the usual ones, with a value per input."""
    own = {key: values for key, values in r.weight_keys(usual["schedule"]).items() if set(values) != {usual[key]}}
    return {**own, **r.constraints}


def own_bias_keys(r: Rates, layer: Layer, usual: Mapping[str, str]) -> dict[str, str]:
    """Return a layer's keys for its biases where they differ from their defaults, the keys of the first weights."""
    # A layer that shares another's weights has no keys for them, from which the biases' could take their defaults.
    shared = any(layer.shared[:1])
    first = {} if shared else {key: values[0] for key, values in r.weight_keys(usual["schedule"]).items()}
    defaults = {f"bias_{key}": first.get(key, usual[key]) for key in ("lr", "schedule", "momentum")}
    defaults.update(usual)
    own = {"bias_lr": format_literal(r.bias_lr)}
    if r.bias_lr:
        own["bias_momentum"] = format_literal(r.bias_momentum)
    if r.bias_lr and layer.biases:
        own["bias_schedule"] = r.bias_schedule.text
    return {key: text for key, text in own.items() if text != defaults[key]}
