"""Graphs as exporters write them: functions in several operators, other axes, names, and moves of axes.

Those of PyTorch's newer exporter, of Keras by tf2onnx, and of older exporters are written by hand here.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import Array, assert_same, imported, model, node, numbers, refused, spec
from onnx_groups import CONSTANTS, FUNCTIONS, chain

from netspec.diagnostics import SpecError

SHAPE = (6, 5, 4)


@pytest.mark.parametrize("line", FUNCTIONS)
def test_functions_in_several_operators(line: str) -> None:
    given = model(FUNCTIONS[line], ("N", *SHAPE), CONSTANTS)
    assert spec(given)[-1].partition("] ")[2] == line.removesuffix(" inputs=x")
    assert_same(given, 3 * numbers(2, *SHAPE))


def test_a_group_whose_inner_value_is_read_elsewhere_is_none() -> None:
    nodes = chain(("Sigmoid", "x", "s"), ("Mul", "sx", "m"), ("Add", "ms", "y"))
    assert [line.split()[1] for line in spec(model(nodes, ("N", *SHAPE)))[2:]] == ["logistic", "product", "sum"]
    assert_same(model(nodes, ("N", *SHAPE)), numbers(2, *SHAPE))


@pytest.mark.ci
def test_long_products_are_followed_to_a_limit() -> None:
    nodes = [node("Mul", [f"v{i}" if i else "x", "h"], [f"v{i + 1}"]) for i in range(1500)]
    given = model([*nodes, node("Tanh", ["v1500"], ["y"])], (1, *SHAPE), CONSTANTS)
    assert [line.split(maxsplit=1)[1] for line in spec(given)[-2:]] == ["linear a=0.5", "tanh b=0.03125"]


def layer_norm(axis: int) -> list[onnx.NodeProto]:
    """A layer normalisation as exporters wrote it before operator set 17."""
    return [
        node("ReduceMean", ["v"], ["mean"], axes=[axis]),
        node("Sub", ["v", "mean"], ["d"]),
        node("Pow", ["d", "two"], ["sq"]),
        node("ReduceMean", ["sq"], ["var"], axes=[axis]),
        node("Add", ["var", "eps"], ["e"]),
        node("Sqrt", ["e"], ["root"]),
        node("Div", ["d", "root"], ["n"]),
        node("Mul", ["n", "norm.weight"], ["s"]),
        node("Add", ["s", "norm.bias"], ["z"]),
    ]


def test_layer_normalisation_in_several_operators() -> None:
    tensors = {
        "two": np.float32(2),
        "eps": np.float32(1e-3),
        "norm.weight": numbers(6),
        "norm.bias": numbers(6, seed=1),
    }
    nodes = [node("Transpose", ["x"], ["v"], perm=[0, 2, 3, 1]), *layer_norm(-1)]
    nodes.append(node("Transpose", ["z"], ["y"], perm=[0, 3, 1, 2]))
    given = model(nodes, ("N", *SHAPE), tensors, opset=13)
    assert spec(given)[-1] == "[norm] layernorm eps=0.001"
    assert_same(given, numbers(2, *SHAPE))
    first = {name: t.reshape(-1, 1, 1) if t.ndim else t for name, t in tensors.items()}
    given = model([node("Identity", ["x"], ["v"]), *layer_norm(1), node("Relu", ["z"], ["y"])], ("N", *SHAPE), first)
    assert spec(given)[-1] == "[norm] layernorm eps=0.001 neuron=relu"
    assert_same(given, numbers(2, *SHAPE))
    pool = node("MaxPool", ["x"], ["v"], kernel_shape=[1, 1])  # which says that the last axis is not the channels
    given = model([pool, *layer_norm(3), node("Relu", ["z"], ["y"])], ("N", 6, 5, 6), tensors)
    assert "it normalises N x C x H x W over W" in "".join(refused(given).notes)


def test_instance_normalisation_in_several_operators() -> None:
    """Times the reciprocal of the root of the variance, over the pixels."""
    nodes = layer_norm(0)[:-3]
    for mean in (nodes[0], nodes[3]):
        mean.attribute[0].ints[:] = [2, 3]
    nodes += [node("Reciprocal", ["root"], ["r"]), node("Mul", ["r", "d"], ["y"])]
    tensors = {"two": np.float32(2), "eps": np.float32(1e-3)}
    given = model([node("Identity", ["x"], ["v"]), *nodes], ("N", *SHAPE), tensors)
    assert spec(given)[-1] == "[norm1] groupnorm groups=6 eps=0.001 affine=no"
    assert_same(given, numbers(2, *SHAPE))


@pytest.mark.parametrize("affine", [True, False])
def test_group_normalisation_of_rows(affine: bool) -> None:
    tensors = {"rows": np.array([0, 3, -1]), "one": np.ones(3, np.float32), "zero": np.zeros(3, np.float32),
               "shape": np.array([-1, *SHAPE]), "w": numbers(6, 1, 1), "b": numbers(6, 1, 1, seed=1)}  # fmt: skip
    nodes = [
        node("Reshape", ["x", "rows"], ["r"]),
        node("InstanceNormalization", ["r", "one", "zero"], ["i"]),
        node("Reshape", ["i", "shape"], ["n"]),
    ]
    nodes += chain(("Mul", "nw", "m"), ("Add", "mb", "y")) if affine else [node("Abs", ["n"], ["y"])]
    given = model(nodes, ("N", *SHAPE), tensors)
    assert f"groupnorm groups=3{'' if affine else ' affine=no neuron=abs'}" in spec(given)[-1]
    assert_same(given, numbers(2, *SHAPE))


def test_group_normalisation_operator() -> None:
    tensors = {"w": numbers(6), "b": numbers(6, seed=1)}
    nodes = [node("GroupNormalization", ["x", "w", "b"], ["y"], num_groups=3)]
    given = model(nodes, ("N", *SHAPE), tensors, opset=21)
    assert spec(given)[-1] == "[norm1] groupnorm groups=3"
    assert_same(given, numbers(2, *SHAPE))


def test_attention_is_refused_as_a_whole() -> None:
    nodes = [
        node("Flatten", ["x"], ["f"]),
        node("MatMul", ["f", "w"], ["q"]),
        node("Transpose", ["q"], ["k"], perm=[1, 0]),
        node("MatMul", ["q", "k"], ["a"]),
        node("Softmax", ["a"], ["y"]),
    ]
    diagnostic = refused(model(nodes, (1, *SHAPE), {"w": numbers(120, 4)}))
    assert diagnostic.message == "a spec cannot express 1 of the model's 5 operators"


def keras() -> onnx.ModelProto:
    """A model of Keras as tf2onnx writes it: N,H,W,C, with its names."""
    tensors = {
        "model/conv2d/Conv2D/ReadVariableOp:0": numbers(4, 3, 3, 3),
        "model/conv2d/BiasAdd/ReadVariableOp:0": numbers(4),
        **{f"bn{i}": np.abs(numbers(4, seed=i)) for i in range(4)},
        "shape": np.array([-1, 36]),
        "model/dense/MatMul/ReadVariableOp:0": numbers(36, 5),
        "model/dense/BiasAdd/ReadVariableOp:0": numbers(5),
    }
    conv = ["t", *list(tensors)[:2]]
    nodes = [
        node("Transpose", ["x"], ["t"], name="model/conv2d/Conv2D__6", perm=[0, 3, 1, 2]),
        node("Conv", conv, ["c"], name="model/conv2d/Conv2D", auto_pad="SAME_UPPER", strides=[2, 2]),
        node("Relu", ["c"], ["r"], name="model/conv2d/Relu"),
        node("BatchNormalization", ["r", "bn0", "bn1", "bn2", "bn3"], ["b"], epsilon=1e-3,
             name="model/batch_normalization/FusedBatchNormV3"),
        node("MaxPool", ["b"], ["p"], name="model/pool/MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Transpose", ["p"], ["q"], name="model/pool/MaxPool__12", perm=[0, 2, 3, 1]),
        node("Reshape", ["q", "shape"], ["f"], name="model/flatten/Reshape"),
        node("MatMul", ["f", "model/dense/MatMul/ReadVariableOp:0"], ["d"], name="model/dense/MatMul"),
        node("Add", ["d", "model/dense/BiasAdd/ReadVariableOp:0"], ["a"], name="model/dense/BiasAdd"),
        node("Softmax", ["a"], ["y"], name="model/dense/Softmax"),
    ]  # fmt: skip
    return model(nodes, ("N", 12, 12, 3), tensors)


def test_model_of_keras() -> None:
    assert spec(keras()) == [
        "net m",
        "[x] input 3x12x12",
        "[conv2d] conv filters=4 kernel=3 stride=2 pad=0,1,0,1 neuron=relu -> 4x6x6",
        "[batch_normalization] batchnorm eps=0.001",
        "[pool] maxpool kernel=2 -> 4x3x3",
        "[dense] fc outputs=5",
        "[dense_prob] softmax",
    ]
    assert_same(keras(), numbers(2, 3, 12, 12), to_model=lambda images: images.transpose(0, 2, 3, 1))
    assert "# The model reads images as height x width x channels.\n" in imported(keras()).net.source.text


def test_images_without_an_axis_for_channels() -> None:
    nodes = [node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w"], ["y"])]
    given = model(nodes, ("N", 4, 5), {"w": numbers(20, 3)})
    assert spec(given)[1:] == ["[x] input 1x4x5", "[fc1] fc outputs=3 bias=none"]
    assert_same(given, numbers(2, 1, 4, 5), to_model=lambda images: images[:, 0])


def test_order_of_axes_that_no_reader_of_the_input_tells() -> None:
    conv = [node("Relu", ["x"], ["r"]), node("Conv", ["r", "w"], ["y"])]
    given = model(conv, ("N", 5, 4, 3), {"w": numbers(2, 5, 1, 1)})
    assert spec(given)[1] == "[x] input 5x4x3"  # a last axis of 3 numbers is mostly that of colours
    assert_same(given, numbers(2, 5, 4, 3))
    product = [node("MatMul", ["x", "w"], ["m"]), node("ReduceMax", ["m"], ["y"], axes=[1, 2], keepdims=0)]
    given = model(product, ("N", 4, 5, 6), {"w": numbers(6, 2)})
    assert spec(given)[1] == "[x] input 6x4x5"
    assert_same(given, numbers(2, 6, 4, 5), to_model=lambda images: images.transpose(0, 2, 3, 1))
    nodes, tensors = [*conv, node("MatMul", ["y", "v"], ["z"])], {"w": numbers(2, 5, 1, 1), "v": numbers(3, 2)}
    given = model(nodes, ("N", 5, 4, 3), tensors, outputs=("z",))
    assert refused(given).code == "onnx-not-expressible"  # in both orders


def test_names() -> None:
    def named(*names: str) -> list[str]:
        values = ["x", *(f"v{i}" for i in range(len(names) - 1)), "y"]
        nodes = [
            node("Exp" if not names else "Relu", [values[i]], [values[i + 1]], name=n) for i, n in enumerate(names)
        ]
        return [line.split("]")[0].removeprefix("[") for line in spec(model(nodes, (1, 2, 3, 3)))[2:]]

    assert named("/features/features.2/Relu", "/features/features.3/Relu") == ["n2", "n3"]
    assert named("/layer1/layer1.0/act/Relu", "/layer2/act/Relu") == ["layer1_0_act", "layer2_act"]
    assert named("Relu_0", "Relu_1", "") == ["relu1", "relu2", "relu3"]
    assert named("a.b", "a-b", "a b", "x") == ["a_b", "a-b", "a_b_relu", "x_relu"]
    assert named("node_relu_7", "relu1", "") == ["relu1", "relu1_relu", "relu2"]


def test_names_that_pytorchs_newer_exporter_records() -> None:
    given = model([node("Relu", ["x"], ["a"], name="node_relu"), node("Tanh", ["a"], ["y"], name="n")], (1, 2, 3, 3))
    entry = given.graph.node[0].metadata_props.add()
    entry.key, entry.value = "pkg.torch.onnx.name_scopes", "['', 'features', 'features.1', 'relu']"
    assert spec(given)[2:] == ["[features_1] relu", "[n] tanh"]


@st.composite
def moves(draw: st.DrawFn) -> tuple[tuple[int, int, int], list[onnx.NodeProto], dict[str, Array], int]:
    """The shape of images, nodes that only move numbers, their constants, and the number of nodes."""
    sides = st.sampled_from([1, 2, 3])
    image = draw(st.tuples(sides, sides, sides))
    sizes, nodes, tensors = (2, *image), [], {}
    for index in range(draw(st.integers(1, 5))):
        source, target = f"v{index}", f"v{index + 1}"
        if draw(st.booleans()) and len(sizes) > 2:
            order = [0, *draw(st.permutations(range(1, len(sizes))))]
            nodes.append(node("Transpose", [source], [target], perm=order))
            sizes = tuple(sizes[axis] for axis in order)
            continue
        place = draw(st.integers(1, len(sizes) - 1))
        joined = (*sizes[:place], math.prod(sizes[place : place + 2]), *sizes[place + 2 :])
        single = (*sizes[:place], 1, *sizes[place:])
        sizes = draw(st.sampled_from([joined, single if len(sizes) < 5 else joined, (2, *image)]))
        nodes.append(node("Reshape", [source, f"c{index}"], [target]))
        tensors[f"c{index}"] = np.array(sizes)
    return image, nodes, tensors, len(nodes)


@given(moves())
@examples(100)
def test_moved_numbers_arrive_where_they_do_in_onnxruntime(
    drawn: tuple[tuple[int, int, int], list[onnx.NodeProto], dict[str, Array], int],
) -> None:
    image, nodes, tensors, count = drawn
    ends = [node("Flatten", [f"v{count}"], ["f"]), node("MatMul", ["f", "w"], ["y"])]
    start = node("Conv", ["x", "kernels"], ["v0"])  # which reads N,C,H,W
    weights = {"w": numbers(math.prod(image), 4), "kernels": numbers(image[0], image[0], 1, 1)}
    made = model([start, *nodes, *ends], (2, *image), tensors | weights)
    try:
        imported(made)
    except SpecError as error:
        (diagnostic,) = error.diagnostics
        assert all(note.startswith("Reshape") for note in diagnostic.notes), error
        return
    assert_same(made, numbers(2, *image))
