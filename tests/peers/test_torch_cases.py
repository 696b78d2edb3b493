"""PyTorch's own sample inputs, put to the reference and to the PyTorch module; its error inputs, put to the checker."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pytest
import torch

import netspec
from netspec import backend

MISSING = "the extra peers is not installed: pip install 'netspec-compiler[peers]'"
pytest.importorskip("expecttest", reason=MISSING)

from questions import Reason  # noqa: E402
from tallies import Tally, assert_equal, is_pinned, said  # noqa: E402
from torch_cases import NAMES, Sample, answer, error_inputs, question, refused_spec, samples  # noqa: E402

pytestmark = [pytest.mark.peers, pytest.mark.slow]  # most of half a minute goes into PyTorch's own sample generators

SAMPLES = {
    "avg_pool2d": (7, 7),
    "conv2d": (30, 30),
    "linear": (18, 18),
    "local_response_norm": (11, 11),
    "max_pool2d": (1440, 1440),
}
"""By operator: how many sample inputs torch has in float64, and how many apply."""

ERRORS = {"avg_pool2d": (5, 4), "conv2d": (10, 8), "max_pool2d": (7, 7)}
"""By operator: how many calls torch has that are refused, and how many of them a spec can make."""

CODES = {
    "non-positive stride": "bad-value",
    "negative padding": "bad-value",
    "pad must be non-negative": "bad-value",
    "dilation should be greater than zero": "bad-value",
    "non-positive groups": "bad-value",
    "tensor with optional 0 dim batch size": "bad-value",
    "expected weight to be at least 3": "groups-do-not-divide",
    "pad should be at most half": "window-outside-image",
    "Output size is too small": "kernel-too-large",
}
"""What torch complains of, and what netspec says to it."""


def test_all_that_apply_pass_and_are_as_many_as_were_counted() -> None:
    samples_, errors = Tally(), Tally()
    for operator in NAMES:
        for number, sample in enumerate(samples(operator)):
            samples_.put(operator, f"{operator} {number}", partial(assert_same_answer, operator, sample))
        for number, sample in enumerate(error_inputs(operator)):
            errors.put(operator, f"{operator} {number}: {sample.complaint}", partial(assert_refusal, operator, sample))
    assert (samples_.wrong, errors.wrong) == ({}, {})
    assert set(samples_.apply) == set(NAMES)
    if is_pinned("torch"):
        assert (samples_.table, dict(samples_.reasons)) == (SAMPLES, {})
        assert (errors.table, dict(errors.reasons)) == (ERRORS, {Reason.NUMBERS: 2, Reason.DIVISOR: 1})
        assert f"all {sum(samples_.apply.values()):,} samples" in said()
        assert f"{sum(errors.apply.values())} of {sum(errors.cases.values())} calls" in said()


def assert_same_answer(operator: str, sample: Sample) -> None:
    """Raise ``AssertionError`` unless both backends compute what torch computes, in float64."""
    asked = question(operator, sample)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same' with even kernel lengths")
        wanted = answer(operator, sample)
    assert_equal(asked.reference(), wanted, 1e-9, 1e-12)
    assert_equal(asked.pytorch(torch.float64), wanted, 1e-9, 1e-12)


def assert_refusal(operator: str, sample: Sample) -> None:
    """Raise ``AssertionError`` unless the checker refuses the call's spec, or else the reference its weights."""
    spec = refused_spec(operator, sample)
    codes = [code for complaint, code in CODES.items() if complaint in sample.complaint]
    if codes:
        with pytest.raises(netspec.SpecError) as refused:
            netspec.loads(spec)
        assert [diagnostic.code for diagnostic in refused.value.diagnostics] == codes
        return
    graph = netspec.loads(spec).graph
    weights = {"y.weight": sample.arguments["weight"].numpy(), "y.bias": sample.arguments["bias"].numpy()}
    with pytest.raises(ValueError, match="weight has shape"):
        backend.load("reference").run(graph, weights, np.zeros((1, *graph.input.output)))
