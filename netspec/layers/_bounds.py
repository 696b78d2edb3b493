"""The keys that bound weights. Bounds apply to the incoming weights of one unit from one input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspec.ir.fault import Fault
from netspec.keys import BOUND, Key, training_keys
from netspec.lowering import PerInput


def _bound(name: str, doc: str) -> Key:
    return Key(name, BOUND, doc, default=None, default_text="none", affects_shape=False, per_input=True)


BOUNDS = training_keys(
    _bound(
        "max_norm",
        "upper bound of the norm, sqrt(sum of w^2), of the incoming weights of each unit. After each update, larger "
        "weight vectors are scaled down to it",
    ),
    _bound("fixed_norm", "norm to which the incoming weights of each unit are scaled after each update"),
    _bound(
        "min_std",
        "lower bound of the standard deviation of the incoming weights of each unit. After each update, weights with a "
        "smaller one are scaled up to it",
    ),
    _bound(
        "max_std",
        "upper bound of the standard deviation of the incoming weights of each unit. After each update, weights with a "
        "larger one are scaled down to it",
    ),
)


def check_values(values: Mapping[str, Any]) -> None:
    """Check that the bounds do not contradict each other. Raises ``Fault`` with ``bad-value``."""
    if all(values[key.name] is None for key in BOUNDS):
        return
    several = [len(v.values) for key in BOUNDS if isinstance(v := values[key.name], PerInput)]
    for index in range(max(several, default=1)):
        given = {key.name: _for_input(values[key.name], index) for key in BOUNDS}
        low, high = given["min_std"], given["max_std"]
        if low is not None and high is not None and low > high:
            raise Fault("bad-value", f"{{layer}}: min_std={low:g} is above max_std={high:g}", ("min_std", "max_std"))
        others = tuple(name for name, bound in given.items() if name != "fixed_norm" and bound is not None)
        if given["fixed_norm"] is not None and others:
            raise Fault(
                "bad-value",
                f"{{layer}}: fixed_norm undoes {' and '.join(others)}",
                ("fixed_norm", *others),
                ("after every update, the weights are scaled to fixed_norm, which overrides the other bounds",),
            )


def _for_input(value: Any, index: int) -> float | None:
    bound: float | None = value.values[index] if isinstance(value, PerInput) else value
    return bound
