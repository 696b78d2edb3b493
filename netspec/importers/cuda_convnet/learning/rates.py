"""The learning settings of layers' weights and biases, and the spec's keys for them: the usual ones, and their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from netspec.formatting import format_literal
from netspec.importers.cuda_convnet.layers.model import Layer
from netspec.importers.cuda_convnet.learning.schedules import CONSTANT, Schedule
from netspec.importers.cuda_convnet.options import Options


@dataclass(frozen=True, slots=True)
class Rates:
    """The learning settings of one layer's weights, with a value per input, and of its biases.

    ``constraints`` are the spec's keys that constrain the weights or scale their gradients. ``period`` is the number of
    passes between two updates, in version 2.
    """

    layer: Layer
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

    @property
    def rate(self) -> float:
        """The highest rate of the weights."""
        return max(self.lr)

    @property
    def scheduled(self) -> bool:
        """Whether weights have a schedule."""
        return any(schedule != CONSTANT for schedule in self.schedules)

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


def own_bias_keys(r: Rates, usual: Mapping[str, str]) -> dict[str, str]:
    """Return a layer's keys for its biases where they differ from their defaults, the keys of the first weights."""
    # A layer that shares another's weights has no keys for them, from which the biases' could take their defaults.
    shared = any(r.layer.shared[:1])
    first = {} if shared else {key: values[0] for key, values in r.weight_keys(usual["schedule"]).items()}
    defaults = {f"bias_{key}": first.get(key, usual[key]) for key in ("lr", "schedule", "momentum")}
    defaults.update(usual)
    own = {"bias_lr": format_literal(r.bias_lr)}
    if r.bias_lr:
        own["bias_momentum"] = format_literal(r.bias_momentum)
    if r.bias_lr and r.layer.biases:
        own["bias_schedule"] = r.bias_schedule.text
    return {key: text for key, text in own.items() if text != defaults[key]}


def owners(rates: Iterable[Rates]) -> list[Rates]:
    """Return the rates of layers that have weights of their own."""
    return [r for r in rates if not all(r.layer.shared)]


def usual_keys(rates: Collection[Rates]) -> dict[str, str]:
    """Return the most common learning settings, which the train line states for all layers.

    ``bias_schedule`` is included if it differs from ``schedule``.
    """
    owning = owners(rates)
    lr = commonest([rate for r in owning for rate in r.lr if rate])  # ignoring weights that do not learn
    momentum = commonest([value for r in owning for value in r.momentum])
    decay = commonest([value for r in owning if "super_eps" not in r.constraints for value in r.decay])
    schedule, bias_schedule = _usual_schedules(rates)
    keys = {
        "lr": format_literal(lr or 0.0),
        "schedule": schedule,
        "momentum": format_literal(momentum or 0.0),
        "decay": format_literal(decay or 0.0),
    }
    return keys | ({"bias_schedule": bias_schedule} if bias_schedule != schedule else {})


def _usual_schedules(rates: Iterable[Rates]) -> tuple[str, str]:
    """Return the schedule of most learning weights, and that of most layers with learning biases."""
    weights: Counter[str] = Counter()
    biases: Counter[str] = Counter()
    for r in rates:
        for (rows, columns), rate, schedule in zip(r.layer.weights, r.lr, r.schedules, strict=True):
            weights[schedule.text] += rows * columns if rate else 0
        if r.bias_lr and r.layer.biases:
            biases[r.bias_schedule.text] += 1
    of_weights = weights.most_common(1)[0][0] if weights else CONSTANT.text
    return of_weights, biases.most_common(1)[0][0] if biases else of_weights


def commonest(values: Collection[float]) -> float | None:
    """Return the most common value, the first one in case of a tie, or ``None`` if there are no values."""
    return max(Counter(values).items(), key=lambda item: item[1])[0] if values else None
