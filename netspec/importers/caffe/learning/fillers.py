"""The initial values of blobs: a message FillerParameter as a value of ``init=`` or ``bias=``.

The distributions are those of include/caffe/filler.hpp. ``xavier`` and ``msra`` depend on the shape of the blob, whose
first axis has the outputs: its size counts fan_in numbers for each output, and fan_out numbers for each channel read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from netspec.diagnostics.nearest import did_you_mean, nearest
from netspec.importers.caffe.learning.numbers import finite
from netspec.importers.caffe.schema.record import Record
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.keys.texts import call, number

_ABSENT = {
    "positive_unitball": "its values are positive and add up to 1 for each output; a spec has no such distribution",
}


def weights(filler: Record, blob: Sequence[int], groups: int = 1, *, transposed: bool = False) -> str:
    """Return the value of ``init=`` for weights of a shape, outputs x channels / groups x height x width or outputs x
    inputs. Those of a ``transposed`` convolution are channels x outputs / groups x height x width, and Caffe counts
    their fans as if they were those of a convolution, which a spec does not. Raises ``Inexpressible`` and ``Rejected``.
    """
    word = filler.text("type")
    if word == "constant":
        _need_dense(filler)
        return call("constant", number(finite(filler, "value")))
    if transposed and word in _OF_FANS:
        _need_dense(filler)
        distribution, factor = _OF_FANS[word]
        return call(distribution, number(math.sqrt(factor / _fan(filler, blob))))
    return _distribution(filler, blob, groups)


def coefficients(filler: Record, count: int) -> str:
    """Return the value of ``init=`` for a coefficient for each of this many channels.

    Raises ``Inexpressible`` and ``Rejected``.
    """
    if filler.text("type") == "constant":
        return weights(filler, (count,))
    return biases(filler, count)


def biases(filler: Record, count: int) -> str:
    """Return the value of ``bias=`` for this many biases. Raises ``Inexpressible`` and ``Rejected``."""
    if filler.text("type") == "constant":
        _need_dense(filler)
        return number(finite(filler, "value"))
    text = _distribution(filler, (count,), 1)
    return call("gaussian", number(math.sqrt(2))) if text == "he" else text


def _distribution(filler: Record, blob: Sequence[int], groups: int) -> str:
    word = filler.text("type")
    if word in _ABSENT:
        raise Inexpressible(_ABSENT[word], filler.place("type"))
    if word not in _WRITERS:
        near = nearest(word, (*_WRITERS, *_ABSENT, "constant"))
        raise Rejected(f"Caffe has no filler {word!r}{did_you_mean(near)}", filler.place("type"))
    return _WRITERS[word](filler, blob, groups)


def _gaussian(filler: Record, blob: Sequence[int], groups: int) -> str:
    if filler.integer("sparse") >= 0:
        raise Inexpressible("only some of its values are drawn, the others are 0 (sparse)", filler.place("sparse"))
    std, mean = finite(filler, "std"), finite(filler, "mean")
    if not std > 0:
        raise Rejected("its filler's standard deviation is not above 0", filler.place("std"))
    return call("gaussian", number(std), *((f"mean={number(mean)}",) if mean else ()))


def _uniform(filler: Record, blob: Sequence[int], groups: int) -> str:
    _need_dense(filler)
    low, high = finite(filler, "min"), finite(filler, "max")
    if low == high:
        return call("constant", number(low))
    if low != -high or high < 0:
        reason = (
            f"its values are drawn from {number(low)} to {number(high)}; a spec's uniform distribution is from -b to b"
        )
        raise Inexpressible(reason, filler.place("min", "max"))
    return call("uniform", number(high))


def _xavier(filler: Record, blob: Sequence[int], groups: int) -> str:
    """Values from -b to b with b = sqrt(3 / n). A spec's ``xavier`` has the mean of both fans for n, as AVERAGE has."""
    _need_dense(filler)
    if filler.text("variance_norm") == "AVERAGE" and groups == 1 and len(blob) > 1:
        return "xavier"
    return call("uniform", number(math.sqrt(3 / _fan(filler, blob))))


def _msra(filler: Record, blob: Sequence[int], groups: int) -> str:
    """Normal values of standard deviation sqrt(2 / n). A spec's ``he`` has fan_in for n, as is usual here."""
    _need_dense(filler)
    if filler.text("variance_norm") == "FAN_IN":
        return "he"
    return call("gaussian", number(math.sqrt(2 / _fan(filler, blob))))


def _fan(filler: Record, blob: Sequence[int]) -> float:
    size = math.prod(blob)
    fan_in, fan_out = size / blob[0], size / (blob[1] if len(blob) > 1 else 1)
    return {"FAN_IN": fan_in, "FAN_OUT": fan_out, "AVERAGE": (fan_in + fan_out) / 2}[filler.text("variance_norm")]


def _bilinear(filler: Record, blob: Sequence[int], groups: int) -> str:
    """The weights of an interpolation, the same in each kernel."""
    _need_dense(filler)
    if len(blob) != 4 or blob[2] != blob[3]:
        raise Rejected("the filler bilinear is for the weights of square kernels", filler.place("type"))
    return "bilinear"


def _need_dense(filler: Record) -> None:
    if filler.integer("sparse") != -1:
        raise Rejected("only the filler gaussian takes sparse", filler.place("sparse"))


_OF_FANS = {"xavier": ("uniform", 3), "msra": ("gaussian", 2)}
"""The fillers that depend on a fan n: their distributions, and the factors in sqrt(factor / n)."""

_WRITERS: Mapping[str, Callable[[Record, Sequence[int], int], str]] = {
    "bilinear": _bilinear,
    "gaussian": _gaussian,
    "msra": _msra,
    "uniform": _uniform,
    "xavier": _xavier,
}
