"""PyTorch's own sample inputs, run on the reference and the PyTorch module; its error inputs, given to the checker."""

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

from equivalents import Reason  # noqa: E402
from tallies import Tally, architecture_page, assert_equal, is_pinned  # noqa: E402
from torch_cases import NAMES, Sample, equivalent, error_inputs, refused_spec, samples, torch_result  # noqa: E402

pytestmark = [pytest.mark.peers, pytest.mark.slow]  # half a minute, mostly for PyTorch's own sample generators

SAMPLES = {
    "avg_pool2d": (7, 7),
    "conv2d": (30, 30),
    "conv_transpose2d": (12, 12),
    "group_norm": (21, 17),
    "layer_norm": (6, 5),
    "linear": (18, 18),
    "local_response_norm": (11, 11),
    "max_pool2d": (1440, 1440),
}
"""By operator, the number of torch's sample inputs in float64, and how many of them apply."""

ERRORS = {"avg_pool2d": (5, 4), "conv2d": (10, 8), "group_norm": (2, 1), "max_pool2d": (7, 7)}
"""By operator, the number of torch's error inputs, and how many of them a spec can express."""

CODES = {
    "non-positive stride": "bad-value",
    "negative padding": "bad-value",
    "pad must be non-negative": "bad-value",
    "dilation should be greater than zero": "bad-value",
    "non-positive groups": "bad-value",
    "tensor with optional 0 dim batch size": "bad-value",
    "expected weight to be at least 3": "groups-do-not-divide",
    "to be divisible by num_groups": "groups-do-not-divide",
    "pad should be at most half": "window-outside-image",
    "Output size is too small": "kernel-too-large",
}
"""Parts of torch's error messages, and the codes of netspec's diagnostics for the same call."""


def test_applicable_torch_cases_pass_and_match_the_counts() -> None:
    sample_tally, error_tally = Tally(), Tally()
    for operator in NAMES:
        for number, sample in enumerate(samples(operator)):
            sample_tally.count(operator, f"{operator} {number}", partial(assert_same_answer, operator, sample))
        for number, sample in enumerate(error_inputs(operator)):
            error_tally.count(
                operator, f"{operator} {number}: {sample.complaint}", partial(assert_refusal, operator, sample)
            )
    assert (sample_tally.failed, error_tally.failed) == ({}, {})
    assert set(sample_tally.apply) == set(NAMES)
    if is_pinned("torch"):
        assert (sample_tally.table, dict(sample_tally.reasons)) == (SAMPLES, {Reason.EPS: 5})
        refused = {Reason.NUMBERS: 2, Reason.DIVISOR: 1, Reason.CHANNELS: 1}
        assert (error_tally.table, dict(error_tally.reasons)) == (ERRORS, refused)
        apply, cases = sum(sample_tally.apply.values()), sum(sample_tally.cases.values())
        assert f"{apply:,} of {cases:,} samples" in architecture_page()
        assert f"{sum(error_tally.apply.values())} of {sum(error_tally.cases.values())} calls" in architecture_page()


def assert_same_answer(operator: str, sample: Sample) -> None:
    """Raise ``AssertionError`` unless both backends give torch's result in float64."""
    network = equivalent(operator, sample)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same' with even kernel lengths")
        expected = torch_result(operator, sample)
    assert_equal(network.reference(), expected, 1e-9, 1e-12)
    assert_equal(network.pytorch(torch.float64), expected, 1e-9, 1e-12)


def assert_refusal(operator: str, sample: Sample) -> None:
    """Raise ``AssertionError`` unless the checker refuses the call's spec, or the reference its weights."""
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
