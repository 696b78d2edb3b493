"""ONNX models against the reference: the shapes inferred by onnx, and the values computed by onnxruntime."""

from __future__ import annotations

from hashlib import sha256
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from building import plain_parameter
from cases import Case, cases
from comparing import SPECS, is_large, random_images, random_labels, random_weights, statistics
from places import ROOT

import netspec
from netspec import backend
from netspec.ir.distribution import Constant, Distribution, Normal, Uniform
from netspec.ir.graph import Graph
from netspec.ir.ops import VOCABULARY, Input, ParamShape
from netspec.net import load

MISSING = "the extras onnx and peers are not installed: pip install 'netspec-compiler[onnx,peers]'"
onnx = pytest.importorskip("onnx", reason=MISSING)
pytest.importorskip("onnxruntime", reason=MISSING)

from onnx_models import (  # noqa: E402
    Arrays,
    assert_close,
    graph_shapes,
    inferred_shapes,
    pop_noise,
    run,
    singles,
    with_all_values,
    with_losses,
)

CASES = cases()

onnx_file = backend.load("onnx_file")
pytorch = backend.load("pytorch")
reference = backend.load("reference")


def compare(graph: Graph, weights: Arrays, count: int = 3) -> None:
    """Check that onnx accepts the model and infers its shapes, and that onnxruntime computes the reference's values."""
    model = with_losses(graph, weights)
    onnx.checker.check_model(model, full_check=True)
    assert graph_shapes(graph).items() <= inferred_shapes(model).items()

    images, labels = random_images(graph, count).astype(np.float32), random_labels(graph, count)
    arrays = (images, labels.astype(np.int64))[: len(model.graph.input)]
    inputs = dict(zip((value.name for value in model.graph.input), arrays, strict=True))
    values = run(with_all_values(model), **inputs)
    noise = pop_noise(graph, values)
    expected = reference.run(graph, weights, images, labels=labels, statistics=weights, drawn=noise).values
    assert {*values, graph.input.name} == set(expected)
    for name, value in values.items():
        assert_close(value, expected[name], name)


def test_every_operation_has_an_emission() -> None:
    assert set(import_module(f"{onnx_file.__name__}.ops").EMISSIONS) == {*VOCABULARY} - {Input}


@pytest.mark.parametrize("build", CASES.values(), ids=CASES.keys())
def test_values_of_small_networks(build: Case) -> None:
    graph = build()
    compare(graph, singles(random_weights(graph), statistics(graph)))


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.slow if is_large(path) else ()) for path in SPECS],
    ids=lambda p: p.stem,
)
def test_values_of_all_specs(path: Path) -> None:
    graph = netspec.load(path).graph
    compare(graph, onnx_file.initial_values(graph, 0), count=1)


@pytest.mark.many
@pytest.mark.parametrize("name", ["alexnet", "alexnet-2012", "alexnet-torchvision"])
def test_values_of_large_specs_with_narrow_fc_layers(name: str) -> None:
    path = ROOT / "specs" / f"{name}.net"
    graph = load(path, changes=("fc6.outputs=32", "fc7.outputs=32")).graph
    compare(graph, onnx_file.initial_values(graph, 0), count=1)


@pytest.mark.many
@pytest.mark.parametrize("distribution", [Normal(0.0, 0.01), Normal(-1.0, 2.0), Uniform(-0.5, 2.0), Constant(0.3)])
@pytest.mark.parametrize("count", [1, 2, 3, 15, 16, 17, 32, 1000, 2**20 + 17])
@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_initial_values_equal_torchs(count: int, distribution: Distribution, seed: int) -> None:
    parameter = plain_parameter("conv1", "conv1.weight", ParamShape("weight", (count,), 1, 1), distribution)
    expected = pytorch.initial_values(parameter, seed).numpy()
    graph = Graph("net", 1, {}, {}, {parameter.key: parameter})
    (actual,) = onnx_file.initial_values(graph, seed).values()
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def test_weights_of_an_interpolation_equal_torchs() -> None:
    graph = netspec.loads("[image] input 4x3x3\n[up] deconv filters=4 kernel=7x4 groups=2 init=bilinear").graph
    weights = graph.parameters["up.weight"]
    assert np.array_equal(onnx_file.initial_values(graph, 0)["up.weight"], pytorch.initial_values(weights, 0).numpy())


def test_initial_values_of_a_network_equal_torchs() -> None:
    graph = netspec.load(ROOT / "specs" / "alexnet-tiny.net").graph
    actual, expected = onnx_file.initial_values(graph, 3), pytorch.module(graph, seed=3).state_dict()
    assert list(actual) == list(expected)
    for key, values in actual.items():
        assert torch.allclose(torch.from_numpy(values), expected[key], rtol=1e-5, atol=1e-8), key


def model_of(text: str) -> onnx.ModelProto:
    net = netspec.loads(text)
    return onnx.load_from_string(netspec.compile(net, to="onnx"))


def names(values: object) -> list[str]:
    return [value.name for value in values]  # type: ignore[attr-defined]


def test_names_are_those_of_the_spec() -> None:
    graph = model_of("[image] input 3x8x8\n[conv1] conv filters=4 kernel=3 neuron=relu\n[prob] softmax").graph
    assert (names(graph.input), names(graph.output)) == (["image"], ["prob"])
    assert "conv1" in names(graph.value_info)
    assert names(graph.initializer) == ["conv1.weight", "conv1.bias"]
    assert [axis.dim_param or axis.dim_value for axis in graph.input[0].type.tensor_type.shape.dim] == ["N", 3, 8, 8]


def test_scores_replace_a_loss_as_output() -> None:
    text = "[x] input 4\n[fc1] fc outputs=3\n[prob] softmax\n[cost] crossentropy inputs=fc1"
    model = model_of(text)
    assert (names(model.graph.input), names(model.graph.output)) == (["x"], ["fc1", "prob"])
    model = with_losses(netspec.loads(text).graph, {"fc1.weight": np.ones((3, 4), np.float32),
                                                    "fc1.bias": np.zeros(3, np.float32)})  # fmt: skip
    assert (names(model.graph.input), names(model.graph.output)) == (["x", "labels"], ["cost", "prob"])


def test_unread_layers_are_outputs() -> None:
    graph = CASES["unread-layers"]()
    model = with_losses(graph, singles(random_weights(graph)))
    assert names(model.graph.output) == ["out", "idle-drop"]


def test_layer_may_be_named_labels() -> None:
    graph = netspec.loads("[labels] input 4\n[fc1] fc outputs=3\n[cost] crossentropy").graph
    weights = singles(random_weights(graph))
    assert names(with_losses(graph, weights).graph.input) == ["labels", "labels_"]
    compare(graph, weights)


def test_network_with_only_an_input() -> None:
    assert run(model_of("[x] input 4"), x=np.ones((2, 4), np.float32))["x"].tolist() == [[1] * 4] * 2


def test_models_accept_any_number_of_images() -> None:
    model = model_of(
        "[x] input 2x4x4\n[n] lrn size=2 k=1 alpha=1 beta=0.5\n[l] local filters=2 kernel=2\n[f] fc outputs=3"
    )
    images = np.random.default_rng(0).normal(size=(5, 2, 4, 4)).astype(np.float32)
    at_once = run(model, x=images)["f"]
    one_by_one = np.concatenate([run(model, x=images[i : i + 1])["f"] for i in range(5)])
    np.testing.assert_allclose(at_once, one_by_one, rtol=1e-5)


def test_value_that_is_split_into_different_numbers_of_parts() -> None:
    """onnxruntime takes splits of a value without sizes for one and the same."""
    net = netspec.loads(
        "[x] input 8\n[a] channelmax groups=4\n[b] channelmax groups=2 inputs=x\n[f] fc inputs=a,b outputs=2"
    )
    compare(net.graph, singles(random_weights(net.graph)))


def test_lrn_that_onnx_supports_is_a_single_operator() -> None:
    def operators(line: str) -> set[str]:
        return {
            node.op_type
            for node in model_of(f"gpus 2\n[x] input 4x3x3\n[c] conv filters=8 kernel=1\n{line}").graph.node
        }

    assert operators("[n] lrn size=3 k=2 alpha=1e-2 beta=0.75 reads=all") == {"Conv", "LRN"}
    assert operators("[n] lrn size=3 k=2 alpha=1e-2 beta=0.75") == {"Conv", "Split", "LRN", "Concat"}
    assert "LRN" not in operators("[n] lrn size=4 k=2 alpha=1e-2 beta=0.75")


def test_metadata_describe_the_network_and_its_preprocessing() -> None:
    text = "net small\n[image] input 3x8x6 mean=channel order=bgr std=0.25,1,0.5\n[f] fc outputs=2\naugment from=12"
    model = model_of(text)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert (model.producer_name, model.graph.name) == ("netspec", "small")
    assert metadata.pop("spec_sha256") == sha256(text.encode()).hexdigest()
    assert metadata == {
        "net": "small", "spec": text, "seed": "0", "input.range": "1", "input.mean": "channel", "input.order": "bgr",
        "input.std": "0.25,1.0,0.5", "input.crop": "8x6", "input.resize": "12",
    }  # fmt: skip


def test_output_is_deterministic() -> None:
    net = netspec.loads("[x] input 4\n[fc1] fc outputs=3")
    assert netspec.compile(net, to="onnx") == netspec.compile(net, to="onnx")
