"""Files that are not models, or not ones that can be read: a diagnostic, never a traceback."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import imported, model, node, numbers, refused, spec  # noqa: E402

from netspec.diagnostics import CannotOpen, SpecError  # noqa: E402
from netspec.importers.onnx_file.graph import reading  # noqa: E402
from netspec.ir.shape import Shape  # noqa: E402
from netspec.net import import_model, load  # noqa: E402
from netspec.source import ModelFile  # noqa: E402

CONV = [node("Conv", ["x", "c.weight"], ["y"], name="c")]
WEIGHT = {"c.weight": numbers(4, 3, 3, 3)}


def small(**changes: object) -> onnx.ModelProto:
    return model(CONV, ("N", 3, 8, 8), WEIGHT, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "message", "note"),
    [
        (b"", "this ONNX file has no graph", "it is empty"),
        (b"PK\x03\x04" + b"\xff" * 90, "this file is not an ONNX model, or is incomplete", "it is a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "this file is not an ONNX model", "git lfs pull"),
        (b"<!doctype html>", "this file is not an ONNX model, or is incomplete", "a web page"),
        (small().SerializeToString()[:-40], "this file is not an ONNX model, or is incomplete", ""),
    ],
)
def test_what_is_not_a_model(data: bytes, message: str, note: str) -> None:
    diagnostic = refused(data)
    assert diagnostic.code == "not-onnx" and diagnostic.message.startswith(message)
    assert note in "".join(diagnostic.notes)


def test_models_without_parts_that_they_need() -> None:
    given = small()
    given.graph.ClearField("node")
    assert refused(given).message == "the model has 0 inputs; a spec has one, the images"
    given = small()
    del given.opset_import[:]
    assert refused(given).message == "this ONNX file does not say which version of the operators it uses"
    given = small(outputs=("z",))
    assert refused(given).message == "no operator of the model computes its output z"
    given = small()
    given.graph.node[0].input[1] = "missing"
    assert refused(given).message == "Conv c reads missing, which nothing before it computes"
    given = model([node("Constant", [], ["y"], value_float=1.0), node("Relu", ["x"], ["z"])], (1, 2))
    assert refused(given).code == "not-onnx"


@pytest.mark.parametrize(
    ("nodes", "code"),
    [
        ([node("Identity", [], ["y"])], "not-onnx"),
        ([node("If", [], ["y"])], "not-onnx"),
        ([node("LRN", ["x"], ["y"])], "not-onnx"),
        ([node("Concat", ["x", "x"], ["y"])], "not-onnx"),
        ([node("Split", ["x"], ["y", "z"], axis=2, num_outputs=1)], "not-onnx"),  # onnx itself aborts
        ([node("GroupNorm", ["x"], ["y"])], "onnx-not-expressible"),  # the importer's own word for a group
        ([node("LayerNorm", ["x"], ["y"])], "onnx-not-expressible"),
        ([node("LeakyRelu", ["x"], ["y"], alpha=float("nan"))], "onnx-not-expressible"),
        ([node("Elu", ["x"], ["y"], alpha=float("inf"))], "onnx-not-expressible"),
        ([node("Pad", ["x", "three"], ["y"])], "onnx-shapes"),
        ([node("Gemm", ["f", "w"], ["y"]), node("Flatten", ["x"], ["f"])][::-1], "onnx-shapes"),
        ([node("Conv", ["x", "w"], ["y"])], "onnx-shapes"),
    ],
    ids=lambda value: value[-1].op_type if isinstance(value, list) else "",
)
def test_operators_that_are_not_valid(nodes: list[onnx.NodeProto], code: str) -> None:
    tensors = {"three": np.array([0, 0, 1]), "w": numbers(5, 4)}
    assert refused(model([node("Abs", ["x"], ["v"]), *nodes], (1, 3, 4, 4), tensors, opset=18)).code == code


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (("N", 3, "H", "W"), "the model does not say how large its input x is: N x 3 x H x W"),
        (("N", "F"), "the model does not say how large its input x is: N x F"),
        ((3,), "the input x has the shape 3, which is neither images nor vectors"),
        ((1, 3, 4, 8, 8), "the input x has the shape 1 x 3 x 4 x 8 x 8, which is neither images nor vectors"),
    ],
)
def test_inputs_that_are_not_images_of_a_known_size(shape: tuple[int | str, ...], message: str) -> None:
    diagnostic = refused(model([node("Relu", ["x"], ["y"])], shape))
    assert (diagnostic.code, diagnostic.message) == ("onnx-input", message)


def test_size_of_the_input_may_be_given() -> None:
    given = model(CONV, ("N", 3, "H", "W"), WEIGHT)
    assert refused(given).notes == ("give the size of the images, such as --input 3x224x224",)
    last = model([node("Transpose", ["x"], ["y"], perm=[0, 3, 1, 2])], ("N", "H", "W", 1))
    assert refused(last).notes == ("give the size of the images, such as --input 1x224x224",)
    assert imported(given, Shape(3, 8, 6)).net["c"].output == Shape(4, 6, 4)
    assert refused(given, Shape(7)).message == "--input 7 does not go with the model's input of N x 3 x H x W"
    assert refused(given, Shape(5, 8, 8)).notes == ("Conv (c): its weights are for 3 channels, and its input has 5",)
    assert imported(small(), Shape(3, 12, 12)).net["c"].output == Shape(4, 10, 10)


def test_several_inputs() -> None:
    given = model([node("Add", ["x", "z"], ["y"])], (1, 4))
    given.graph.input.append(onnx.helper.make_tensor_value_info("z", 1, [1, 4]))
    diagnostic = refused(given)
    assert diagnostic.message == "the model has 2 inputs; a spec has one, the images"
    assert diagnostic.notes == ("x (1 x 4), z (1 x 4)",)
    given.graph.node[0].input[1] = "x"  # an input that nothing reads does not count
    assert spec(given)[-1] == "[sum1] sum inputs=x,x"


def test_weights_may_be_listed_among_the_inputs() -> None:
    given = small()
    given.graph.input.append(onnx.helper.make_tensor_value_info("c.weight", 1, [4, 3, 3, 3]))
    assert len(spec(given)) == 3


def test_shapes_that_do_not_fit() -> None:
    diagnostic = refused(model([node("Gemm", ["x", "w"], ["y"])], ("N", 5), {"w": numbers(4, 3)}))
    assert (diagnostic.code, diagnostic.message) == ("onnx-shapes", "the shapes at Gemm, node 1 do not fit")


def test_operators_of_other_domains() -> None:
    given = model([node("NhwcConv", ["x", "c.weight"], ["a"], domain="com.microsoft"), node("Relu", ["a"], ["y"])],
                  (1, 3, 8, 8), WEIGHT)  # fmt: skip
    given.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    assert refused(given).notes[0].startswith("com.microsoft.NhwcConv (the one that computes a): a spec has no layer")


def test_broadcasting_and_training_of_early_operator_sets() -> None:
    nodes = [node("Add", ["x", "b"], ["y"], broadcast=1, axis=1)]
    assert "operator sets before 7" in refused(model(nodes, (1, 3, 3, 3), {"b": numbers(3)}, opset=6)).notes[0]
    for is_test, imports in ((0, False), (1, True)):
        given = model([node("Dropout", ["x"], ["y"], is_test=is_test)], (1, 4), opset=6)
        if imports:
            assert spec(given)[-1] == "[drop1] dropout rate=0.5"
        else:
            assert "in evaluation mode" in refused(given).notes[0]


def external(folder: Path, location: str = "m.data") -> Path:
    """A model whose weights are in a file of this name beside it."""
    given = small()
    (tensor,) = given.graph.initializer
    (folder / "m.data").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path = folder / "m.onnx"
    path.write_bytes(given.SerializeToString())
    return path


def test_weights_in_a_file_beside_the_model(tmp_path: Path) -> None:
    path = external(tmp_path)
    result = import_model(ModelFile(str(path), ""))
    np.testing.assert_array_equal(result.arrays["c.weight"](), WEIGHT["c.weight"])
    (tmp_path / "m.data").write_bytes(b"short")
    with pytest.raises(SpecError) as short:
        result.arrays["c.weight"]()
    (tmp_path / "m.data").unlink()
    assert load(path).total.weights == 108  # a table needs no weights
    with pytest.raises(SpecError) as missing:
        result.arrays["c.weight"]()
    for error in (short, missing):
        (diagnostic,) = error.value.diagnostics
        assert (diagnostic.code, diagnostic.message) == ("onnx-weights", "the values of c.weight cannot be read")
    assert missing.value.diagnostics[0].notes == ("they are in m.data, and there is no such file beside the model",)


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "link"])
def test_weights_outside_the_folder_are_not_read(tmp_path: Path, location: str) -> None:
    (tmp_path / "secret").write_bytes(bytes(432))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "link").symlink_to("../secret")
    result = import_model(ModelFile(str(external(tmp_path / "models", location)), ""))
    with pytest.raises(SpecError, match="outside the model's folder"):
        result.arrays["c.weight"]()


def test_local_functions_are_put_in_place() -> None:
    given = model([node("Twice", ["x"], ["y"], domain="own")], ("N", 3, 8, 8))
    given.opset_import.append(onnx.helper.make_opsetid("own", 1))
    body = [node("Relu", ["a"], ["b"]), node("Add", ["b", "b"], ["c"])]
    opset = [onnx.helper.make_opsetid("", 17)]
    given.functions.append(onnx.helper.make_function("own", "Twice", ["a"], ["c"], body, opset))
    assert [line.split()[1] for line in spec(given)[1:]] == ["input", "relu", "sum"]


def test_files_that_are_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    assert refused(small()).message == "this file is too large for an ONNX model"


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(small().SerializeToString())
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(CannotOpen, match=r"needs onnx: pip install 'netspec-compiler\[onnx\]'"):
        load(path)


@given(st.integers(0, 2**32), st.integers(0, 255))
@examples(150)
def test_changed_bytes_give_a_diagnostic_or_a_network(place: int, value: int) -> None:
    data = bytearray(model([*CONV, node("Flatten", ["y"], ["f"])], ("N", 3, 8, 8), WEIGHT).SerializeToString())
    structure = [i for i in range(len(data)) if not data.find(WEIGHT["c.weight"].tobytes()) <= i < data.find(
        WEIGHT["c.weight"].tobytes()) + WEIGHT["c.weight"].nbytes]  # fmt: skip
    data[structure[place % len(structure)]] = value
    try:
        imported(bytes(data))
    except SpecError as error:
        assert all(d.code in CODES for d in error.diagnostics), error


CODES = ("not-onnx", "onnx-input", "onnx-shapes", "onnx-weights", "onnx-not-expressible", "too-large", "bad-value",
         "kernel-too-large", "window-outside-image")  # fmt: skip


def test_texts_of_a_file_do_not_become_lines_of_the_spec() -> None:
    given = small()
    given.producer_name = "netspec\n\n[x] fc\u2028[y] fc"
    first = imported(given).net.source.text.splitlines()[0]
    assert first == "# Imported from m.onnx, written by netspec  [x] fc [y] fc, operator set 17."
    given.producer_name = "netspec"
    given.metadata_props.add(key="input.std", value="0.25,1.0,0.5")
    assert "[x] input 3x8x8 std=0.25,1.0,0.5" in spec(given)
    given.metadata_props.add(key="input.mean", value="image\n[more] relu")
    assert refused(given).message == "mean: 'imagemorerelu' is unknown; did you mean image?"


def test_order_of_other_axes() -> None:
    diagnostic = refused(model([node("Transpose", ["x"], ["y"], perm=[0, 1])], ("N", 3, 8, 8)))
    assert diagnostic.notes[0].endswith("it gives an order of 2 axes, and its input has 4")
