"""ONNX's backend node tests, put to the reference, the PyTorch module and our own ONNX files: all that apply pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch

MISSING = "the extra peers is not installed: pip install 'netspec-compiler[peers]'"
pytest.importorskip("onnx", reason=MISSING)
pytest.importorskip("onnxruntime", reason=MISSING)

from onnx_cases import QUESTIONS, Case, cases, question  # noqa: E402
from questions import Reason  # noqa: E402
from tallies import Tally, assert_equal, is_pinned, said  # noqa: E402

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
    "Gemm": (12, 12),
    "GlobalAveragePool": (2, 2),
    "GlobalMaxPool": (2, 2),
    "LRN": (2, 2),
    "LeakyRelu": (5, 5),
    "Log": (2, 2),
    "Max": (15, 6),
    "MaxPool": (28, 25),
    "Relu": (3, 3),
    "Sigmoid": (3, 3),
    "Softmax": (10, 10),
    "Softplus": (3, 3),
    "Sqrt": (3, 3),
    "Sum": (3, 3),
    "Tanh": (3, 3),
}
"""By operator: how many cases onnx has, and how many apply; 204 and 176 in all."""

NOT_APPLYING = {Reason.VOLUME: 7, Reason.NUMBERS: 10, Reason.OUTPUTS: 9, Reason.RANDOM: 2}
"""Why the other 28 do not."""


def test_all_cases_that_apply_pass_and_are_as_many_as_were_counted() -> None:
    tally = Tally()
    for case in cases():

        def check(case: Case = case) -> None:
            asked = question(case)
            wanted = np.asarray(case.outputs[0], dtype=np.float64)
            with np.errstate(invalid="ignore"):  # one case takes roots of negative numbers
                assert_equal(asked.reference(), wanted, case.rtol, case.atol)
            assert_equal(asked.pytorch(torch.float32), wanted, case.rtol, case.atol)
            assert_equal(asked.onnx(), wanted, case.rtol, case.atol)

        tally.put(case.operator, case.name, check)
    assert tally.wrong == {}
    assert set(tally.apply) == set(QUESTIONS)
    if is_pinned("onnx"):
        assert tally.table == COUNTED
        assert dict(tally.reasons) == NOT_APPLYING
        assert f"{sum(tally.apply.values())} of {sum(tally.cases.values())} cases" in said()
