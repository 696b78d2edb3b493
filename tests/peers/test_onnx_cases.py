"""ONNX's backend node tests, run on the reference, the PyTorch module and exported ONNX files."""

from __future__ import annotations

import numpy as np
import pytest
import torch

MISSING = "the extra peers is not installed: pip install 'netspec-compiler[peers]'"
pytest.importorskip("onnx", reason=MISSING)
pytest.importorskip("onnxruntime", reason=MISSING)

from equivalents import Reason  # noqa: E402
from onnx_cases import EQUIVALENTS, Case, cases, equivalent  # noqa: E402
from tallies import Tally, architecture_page, assert_equal, is_pinned  # noqa: E402

pytestmark = [pytest.mark.peers, pytest.mark.ci]

COUNTED = {
    "Abs": (1, 1),
    "AveragePool": (25, 25),
    "BatchNormalization": (9, 7),
    "Concat": (13, 13),
    "Conv": (33, 26),
    "Dropout": (12, 5),
    "Elu": (4, 4),
    "Flatten": (11, 11),
    "Gelu": (4, 2),
    "Gemm": (12, 12),
    "GlobalAveragePool": (2, 2),
    "GlobalMaxPool": (2, 2),
    "GroupNormalization": (2, 2),
    "HardSigmoid": (3, 3),
    "HardSwish": (1, 1),
    "InstanceNormalization": (3, 3),
    "LRN": (2, 2),
    "LayerNormalization": (19, 19),
    "LeakyRelu": (5, 5),
    "Log": (2, 2),
    "Max": (15, 6),
    "MaxPool": (28, 25),
    "Mul": (9, 2),
    "Relu": (3, 3),
    "Sigmoid": (3, 3),
    "Softmax": (10, 10),
    "Softplus": (3, 3),
    "Sqrt": (3, 3),
    "Sum": (3, 3),
    "Tanh": (3, 3),
}
"""By operator, the number of onnx's cases, and how many of them apply; 245 and 208 in all."""

INAPPLICABLE = {
    Reason.VOLUME: 7,
    Reason.NUMBERS: 16,
    Reason.OUTPUTS: 9,
    Reason.RANDOM: 2,
    Reason.BROADCAST: 1,
    Reason.APPROXIMATION: 2,
}
"""The reasons why the other 37 do not apply."""


def test_applicable_onnx_cases_pass_and_match_the_counts() -> None:
    tally = Tally()
    for case in cases():

        def check(case: Case = case) -> None:
            network = equivalent(case)
            expected = np.asarray(case.outputs[0], dtype=np.float64)
            with np.errstate(invalid="ignore"):  # one case takes roots of negative numbers
                assert_equal(network.reference(), expected, case.rtol, case.atol)
            assert_equal(network.pytorch(torch.float32), expected, case.rtol, case.atol)
            assert_equal(network.onnx(), expected, case.rtol, case.atol)

        tally.count(case.operator, case.name, check)
    assert tally.failed == {}
    assert set(tally.apply) == set(EQUIVALENTS)
    if is_pinned("onnx"):
        assert tally.table == COUNTED
        assert dict(tally.reasons) == INAPPLICABLE
        assert f"{sum(tally.apply.values())} of {sum(tally.cases.values())} cases" in architecture_page()
