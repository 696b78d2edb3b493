"""Fillers as values of ``init=`` and ``bias=``."""

from __future__ import annotations

import math

import numpy as np
import pytest
from caffe_records import record

from netspec import loads
from netspec.importers.caffe.learning.fillers import biases, weights
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.distribution import Constant, Distribution, Normal, Uniform

CONV = (64, 16, 3, 5)
"""64 filters of two groups, each of which reads 16 of 32 channels in windows of 3 x 5."""


def drawn(init: str, groups: int = 1) -> Distribution:
    """Return the distribution of the weights of a convolution with the blob ``CONV``."""
    text = f"[x] input {16 * groups}x8x8\n[c] conv filters=64 kernel=3x5 groups={groups} init={init}"
    return loads(text).graph.parameters["c.weight"].distribution


@pytest.mark.parametrize(
    ("text", "groups", "expected"),
    [
        ("", 1, Constant(0)),
        ("value: 0.5", 1, Constant(0.5)),
        ("type: 'gaussian' std: 0.01", 1, Normal(0, 0.01)),
        ("type: 'gaussian'", 1, Normal(0, 1)),
        ("type: 'gaussian' std: 0.01 mean: -2", 1, Normal(-2, 0.01)),
        ("type: 'uniform' min: -0.05 max: 0.05", 1, Uniform(-0.05, 0.05)),
        ("type: 'uniform' min: 0.25 max: 0.25", 1, Constant(0.25)),
        ("type: 'xavier'", 1, Uniform(-math.sqrt(3 / 240), math.sqrt(3 / 240))),
        ("type: 'xavier' variance_norm: FAN_OUT", 1, Uniform(-math.sqrt(3 / 960), math.sqrt(3 / 960))),
        ("type: 'xavier' variance_norm: AVERAGE", 1, Uniform(-math.sqrt(3 / 600), math.sqrt(3 / 600))),
        ("type: 'xavier' variance_norm: AVERAGE", 2, Uniform(-math.sqrt(3 / 600), math.sqrt(3 / 600))),
        ("type: 'msra'", 2, Normal(0, math.sqrt(2 / 240))),
        ("type: 'msra' variance_norm: FAN_OUT", 2, Normal(0, math.sqrt(2 / 960))),
        ("type: 'msra' variance_norm: AVERAGE", 1, Normal(0, math.sqrt(2 / 600))),
    ],
)
def test_weights_are_drawn_as_in_caffe(text: str, groups: int, expected: Distribution) -> None:
    """fan_in is 16 * 3 * 5 = 240, and fan_out 64 * 3 * 5 = 960, which are not divided by the groups."""
    found = drawn(weights(record("FillerParameter", text), CONV, groups), groups)
    assert type(found) is type(expected)
    numbers, others = ([getattr(d, name) for name in d.__dataclass_fields__] for d in (found, expected))
    np.testing.assert_allclose(numbers, others, rtol=2e-9)


def test_usual_fillers_are_written_as_words() -> None:
    assert weights(record("FillerParameter", "type: 'msra'"), (10, 500)) == "he"
    assert weights(record("FillerParameter", "type: 'xavier' variance_norm: AVERAGE"), (10, 500)) == "xavier"
    assert weights(record("FillerParameter", "type: 'gaussian' std: 0.01"), (10, 500)) == "gaussian(0.01)"
    assert weights(record("FillerParameter", "type: 'xavier'"), (10, 500)) == "uniform(0.0774596669)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "0"),
        ("type: 'constant' value: 0.1", "0.1"),
        ("type: 'gaussian' std: 0.5", "gaussian(0.5)"),
        ("type: 'uniform' min: -1 max: 1", "uniform(1)"),
        ("type: 'xavier'", "uniform(1.73205081)"),  # fan_in is 1
        ("type: 'xavier' variance_norm: FAN_OUT", "uniform(0.866025404)"),  # fan_out is 4
        ("type: 'xavier' variance_norm: AVERAGE", "uniform(1.09544512)"),
        ("type: 'msra'", "gaussian(1.41421356)"),
    ],
)
def test_biases_are_a_blob_of_one_axis(text: str, expected: str) -> None:
    assert biases(record("FillerParameter", text), 4) == expected


@pytest.mark.parametrize(
    ("text", "reason", "place"),
    [
        ("type: 'gaussian' sparse: 15", "only some of its values are drawn", "sparse: 15"),
        ("type: 'gaussian' std: 0", "standard deviation", "std: 0"),
        ("type: 'constant' sparse: 15", "only the filler gaussian takes sparse", "sparse: 15"),
        ("type: 'uniform'", "from 0 to 1", "type: 'uniform'"),
        ("type: 'uniform' min: -1 max: 2", "from -1 to 2", "min: -1"),
        ("type: 'uniform' min: 1 max: -1", "from 1 to -1", "min: 1"),
        ("type: 'positive_unitball'", "add up to 1", "type: 'positive_unitball'"),
        ("type: 'gaussian' std: inf", "its std is inf, which is not a finite float32 number", "std: inf"),
        ("value: nan", "its value is nan", "value: nan"),
        ("type: 'uniform' min: -1e39 max: 1e39", "its min is -1e\\+39", "min: -1e39"),
        ("type: 'gausian'", "did you mean gaussian", "type: 'gausian'"),
        ("type: 'bilinear'", "for the weights of square kernels", "type: 'bilinear'"),
    ],
)
def test_other_fillers_are_refused_at_their_place(text: str, reason: str, place: str) -> None:
    filler = record("FillerParameter", text)
    with pytest.raises((Inexpressible, Rejected), match=reason) as caught:
        weights(filler, CONV)
    with pytest.raises((Inexpressible, Rejected), match=reason):
        biases(filler, 4)
    assert caught.value.span is not None
    assert caught.value.span.text == place
