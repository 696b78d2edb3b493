"""ONNX's backend node tests, run on the reference, the PyTorch module and exported ONNX files, and imported."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

MISSING = "the extra peers is not installed: pip install 'netspec-compiler[peers]'"
onnx = pytest.importorskip("onnx", reason=MISSING)
pytest.importorskip("onnxruntime", reason=MISSING)

from equivalents import Reason  # noqa: E402
from onnx_cases import EQUIVALENTS, Case, cases, equivalent  # noqa: E402
from tallies import Tally, architecture_page, assert_equal, is_pinned  # noqa: E402

from netspec import backend  # noqa: E402
from netspec.diagnostics import SpecError  # noqa: E402
from netspec.net import import_model  # noqa: E402
from netspec.source import ModelFile  # noqa: E402

pytestmark = [pytest.mark.peers, pytest.mark.ci]

COUNTED = {
    "Abs": (1, 1),
    "AveragePool": (25, 25),
    "BatchNormalization": (9, 7),
    "Concat": (13, 13),
    "Conv": (33, 26),
    "ConvTranspose": (14, 13),
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
    "PRelu": (8, 8),
    "Relu": (3, 3),
    "Sigmoid": (3, 3),
    "Softmax": (10, 10),
    "Softplus": (3, 3),
    "Sqrt": (3, 3),
    "Sum": (3, 3),
    "Tanh": (3, 3),
}
"""By operator, the number of onnx's cases, and how many of them apply; 267 and 229 in all."""

INAPPLICABLE = {
    Reason.VOLUME: 8,
    Reason.NUMBERS: 16,
    Reason.OUTPUTS: 9,
    Reason.RANDOM: 2,
    Reason.BROADCAST: 1,
    Reason.APPROXIMATION: 2,
}
"""The reasons why the other 38 do not apply."""


IMPORTED = {
    "Abs": 1,
    "AveragePool": 14,
    "BatchNormalization": 4,
    "Conv": 26,
    "ConvTranspose": 12,
    "Dropout": 3,
    "Elu": 3,
    "Flatten": 4,
    "Gelu": 2,
    "Gemm": 9,
    "GlobalAveragePool": 2,
    "GlobalMaxPool": 2,
    "GroupNormalization": 2,
    "HardSigmoid": 2,
    "HardSwish": 1,
    "InstanceNormalization": 3,
    "LRN": 2,
    "LeakyRelu": 4,
    "Log": 1,
    "MaxPool": 12,
    "PRelu": 2,
    "Relu": 3,
    "Sigmoid": 2,
    "Softmax": 5,
    "Sqrt": 2,
    "Tanh": 2,
}
"""By operator, how many of onnx's cases are imported. Most others have no axis for a batch, or several inputs."""


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


def written(case: Case) -> bytes:
    """A case as a file. Its first input is the model's, and the others are constants."""
    helper = onnx.helper
    names = [f"x{index}" if values is not None else "" for index, values in enumerate(case.inputs)]
    outputs = [f"y{index}" for index in range(len(case.outputs))]
    types = [helper.np_dtype_to_tensor_dtype(values.dtype) for values in (case.inputs[0], *case.outputs)]
    graph = helper.make_graph(
        [helper.make_node(case.operator, names, outputs, **case.attributes)],
        "case",
        [helper.make_tensor_value_info("x0", types[0], case.inputs[0].shape)],
        [helper.make_tensor_value_info(name, type_, None) for name, type_ in zip(outputs, types[1:], strict=True)],
        [onnx.numpy_helper.from_array(values, name) for name, values in list(zip(names, case.inputs, strict=True))[1:]
         if values is not None],
    )  # fmt: skip
    opset = helper.make_opsetid("", case.opset)
    data: bytes = helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
    return data


def test_cases_that_are_imported_compute_the_expected_values(tmp_path: Path) -> None:
    path, counts, codes = tmp_path / "case.onnx", Counter[str](), set[str]()
    for case in cases():
        path.write_bytes(written(case))
        try:
            result = import_model(ModelFile(str(path), ""))
        except SpecError as error:
            codes.update(diagnostic.code for diagnostic in error.diagnostics)
            continue
        graph, arrays = result.net.graph, {key: read() for key, read in result.arrays.items()}
        values, expected = case.inputs[0], np.asarray(case.outputs[0], dtype=np.float64)
        if values.ndim == 4 and values.shape[1:] != tuple(graph.input.output):  # imported as channels last
            values, expected = np.moveaxis(values, -1, 1), np.moveaxis(expected, -1, 1)
        images = values.reshape(len(values), *graph.input.output)
        with np.errstate(invalid="ignore"):  # one case takes roots of negative numbers
            output = backend.load("reference").run(graph, arrays, images, statistics=arrays).output
        np.testing.assert_allclose(
            output.reshape(expected.shape), expected, max(case.rtol, 1e-5), max(case.atol, 1e-6), err_msg=case.name
        )
        counts[case.operator] += 1
    assert codes <= {"onnx-not-expressible", "onnx-input", "onnx-shapes"}
    if is_pinned("onnx"):
        assert dict(counts) == IMPORTED
