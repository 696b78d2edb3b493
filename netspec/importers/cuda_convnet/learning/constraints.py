"""``wball``, ``wcNormMin`` and ``wcNormMax``: what each filter is scaled to after an update, in the words of a spec.

wball=w bounds the length of a filter, R: in 2012 R is w times the numbers that the filter reads, and only longer ones
are scaled; in version 2 R is w, and conv and fc scale every filter to it (``layer.py:736``, ``src/layer.cu`` of 2012;
``cudaconvnet/src/layer.cu`` of version 2). wcNorm bounds s = sqrt(sum of (w - mean)^2) / n over a filter's n weights,
which is their standard deviation over the root of n. What sfc holds is a column of its matrix, which has the weights of
the outputs of one place in all of its parts (``norm_over=parts``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from netspec.importers.cuda_convnet.layers.model import Dialect, Layer
from netspec.importers.cuda_convnet.options import Options
from netspec.ir.constraint import BOUNDS
from netspec.units import literal

HELD = (*BOUNDS, "norm_over")
"""A spec's keys."""


def bounds(layer: Layer, options: Options, dialect: Dialect) -> Mapping[str, tuple[str, ...]]:
    """The keys that hold a layer's weights, with a value for each input; those that bound nothing left out."""
    n, repeat = len(layer.inputs), dialect == "v2"
    balls = options.reals("wball", n, 0.0, repeat)
    low = high = (0.0,) * n
    if layer.type == "conv":
        low, high = (options.reals(key, n, 0.0, repeat) for key in ("wcNormMin", "wcNormMax"))
        if any(a > b for a, b in zip(low, high, strict=True)):
            raise options.refuse("bad-value", "wcNormMin is above wcNormMax", "wcNormMin", "wcNormMax")
    if layer.type == "treefc":
        return {}  # which the original did not hold to anything
    reads = [rows // _places(layer) for rows, _ in layer.weights]
    key = norm_key(layer.type, dialect)
    if key == "fixed_norm":  # what it was scaled by before is gone
        high = tuple(0.0 if ball > 0 else b for ball, b in zip(balls, high, strict=True))
    low = tuple(a if b > 0 else 0.0 for a, b in zip(low, high, strict=True))
    found = {
        key: _each(balls, reads, norm_of(dialect)),
        "min_std": _each(low, reads, std_of),
        "max_std": _each(high, reads, std_of),
    }
    told = {key: tuple(map(_text, values)) for key, values in found.items() if any(v is not None for v in values)}
    together = key in told and layer.values.get("parts", 1) > 1
    return told | ({"norm_over": ("parts",) * n} if together else {})


def norm_key(type_: str, dialect: Dialect) -> str:
    """The key of a spec that ``wball`` becomes, by the layer's type (in the file's word or the spec's)."""
    return "fixed_norm" if dialect == "v2" and type_ != "local" else "max_norm"


def norm_of(dialect: Dialect) -> Callable[[float, int], float]:
    """The length that a ``wball`` bounds a filter of so many weights to."""
    return (lambda ball, reads: _short(ball * reads)) if dialect == "2012" else (lambda ball, reads: ball)


def std_of(spread: float, reads: int) -> float:
    """The standard deviation of a filter of so many weights for which wcNorm's s is ``spread``."""
    return _short(spread * math.sqrt(reads))


def _text(bound: float | None) -> str:
    return "none" if bound is None else literal(bound)


def _short(value: float) -> float:
    """To twelve digits: float32 has seven, and what was divided and multiplied again is the same."""
    return float(f"{value:.12g}")


def _each(values: tuple[float, ...], reads: list[int], of: Callable[[float, int], float]) -> tuple[float | None, ...]:
    return tuple(of(value, n) if value > 0 else None for value, n in zip(values, reads, strict=True))


def _places(layer: Layer) -> int:
    """At how many places of its image a layer has weights of their own: ``local`` at each, others at one."""
    places: int = layer.values["side"] ** 2 if layer.type == "local" else 1
    return places
