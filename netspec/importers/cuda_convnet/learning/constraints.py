"""Translate ``wball``, ``wcNormMin`` and ``wcNormMax``, to which each filter is rescaled after an update.

wball=w bounds the norm of a filter. In 2012 the bound is w times the number of weights of the filter, and only filters
with a larger norm are rescaled. In version 2 the bound is w, and conv and fc rescale every filter to exactly this norm
(``layer.py:736``, ``src/layer.cu`` of 2012; ``cudaconvnet/src/layer.cu`` of version 2). wcNorm bounds s = sqrt(sum of
(w - mean)^2) / n over a filter's n weights, which is their standard deviation divided by sqrt(n). For sfc, what is
bounded is a column of its matrix, which has the weights of the corresponding outputs of all parts
(``norm_over=parts``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from netspec.formatting import format_literal
from netspec.importers.cuda_convnet.layers.model import Dialect, Layer
from netspec.importers.cuda_convnet.options import Options
from netspec.ir.constraint import BOUNDS

CONSTRAINT_KEYS = (*BOUNDS, "norm_over")
"""The keys of a spec for these constraints."""


def constraints(layer: Layer, options: Options, dialect: Dialect) -> Mapping[str, tuple[str, ...]]:
    """Return the spec's keys that constrain a layer's weights, with a value per input; only those with an effect."""
    n, repeat = len(layer.inputs), dialect == "v2"
    balls = options.reals("wball", n, default=0.0, repeat=repeat)
    low = high = (0.0,) * n
    if layer.type == "conv":
        low, high = (options.reals(key, n, default=0.0, repeat=repeat) for key in ("wcNormMin", "wcNormMax"))
        if any(a > b for a, b in zip(low, high, strict=True)):
            raise options.report_error("bad-value", "wcNormMin is above wcNormMax", "wcNormMin", "wcNormMax")
    if layer.type == "treefc":
        return {}  # the original did not constrain it
    reads = [rows // _places(layer) for rows, _ in layer.weights]
    key = norm_key(layer.type, dialect)
    if key == "fixed_norm":  # rescaling to a fixed norm undoes an earlier rescaling to an upper bound
        high = tuple(0.0 if ball > 0 else b for ball, b in zip(balls, high, strict=True))
    low = tuple(a if b > 0 else 0.0 for a, b in zip(low, high, strict=True))
    bounds = {
        key: _bounds(balls, reads, norm_of(dialect)),
        "min_std": _bounds(low, reads, std_of),
        "max_std": _bounds(high, reads, std_of),
    }
    texts = {key: tuple(map(_text, values)) for key, values in bounds.items() if any(v is not None for v in values)}
    over_parts = key in texts and layer.values.get("parts", 1) > 1
    return texts | ({"norm_over": ("parts",) * n} if over_parts else {})


def norm_key(type_: str, dialect: Dialect) -> str:
    """Return the spec's key for ``wball``. ``type_`` may be the layer file's or the spec's name of the type."""
    return "fixed_norm" if dialect == "v2" and type_ != "local" else "max_norm"


def norm_of(dialect: Dialect) -> Callable[[float, int], float]:
    """Return the function from a ``wball`` and a filter's number of weights to the bound of the filter's norm."""
    return (lambda ball, reads: _rounded(ball * reads)) if dialect == "2012" else (lambda ball, reads: ball)


def std_of(spread: float, reads: int) -> float:
    """Return the standard deviation of a filter with ``reads`` weights for which wcNorm's s is ``spread``."""
    return _rounded(spread * math.sqrt(reads))


def _text(bound: float | None) -> str:
    return "none" if bound is None else format_literal(bound)


def _rounded(value: float) -> float:
    """Round to twelve digits, which float32 does not notice, so that a division and a multiplication cancel exactly."""
    return float(f"{value:.12g}")


def _bounds(
    values: tuple[float, ...], reads: list[int], to_bound: Callable[[float, int], float]
) -> tuple[float | None, ...]:
    return tuple(to_bound(value, n) if value > 0 else None for value, n in zip(values, reads, strict=True))


def _places(layer: Layer) -> int:
    """Return the number of places with separate weights: all places of the output for ``local``, otherwise 1."""
    places: int = layer.values["side"] ** 2 if layer.type == "local" else 1
    return places
