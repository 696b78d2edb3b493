"""The keys that bound weights, checked together. Bounds apply to the incoming weights of one unit from one input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspec.ir.fault import Fault
from netspec.keys.learning import BOUNDS
from netspec.lowering import PerInput


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
