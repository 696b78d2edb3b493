"""The module's interface: state keys, initial values, printing, copying, calling."""

from __future__ import annotations

import copy
import io
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from building import Builder, plain_parameter
from case_specs import SPECS as SPEC_CASES
from cases import cases
from places import ROOT
from torch import nn

import netspec
from netspec import backend
from netspec.ir.distribution import Bilinear, Constant, Normal, Uniform
from netspec.ir.ops import VOCABULARY, Conv, Linear, Lrn, MaxPool, ParamShape
from netspec.ir.window import Pad, Window

pytorch = backend.load("pytorch")
CASES = cases()


def test_every_operation_has_a_module() -> None:
    assert set(pytorch.TABLE) == set(VOCABULARY)


def test_state_dict_has_the_parameters_keys_and_shapes() -> None:
    graph = CASES["several-inputs-and-shared-weights"]()
    shapes = {key: tuple(tensor.shape) for key, tensor in pytorch.module(graph).state_dict().items()}
    assert shapes == {
        "left.weight": (4, 2, 3, 3),
        "left.bias": (4,),
        "right.weight": (4, 2, 3, 3),
        "both.weights.0": (6, 4, 3, 3),
        "both.weights.1": (6, 4, 3, 3),
        "both.bias": (6,),
        "again.bias": (6,),
        "twice.bias": (4,),
        "back.bias": (2,),
        "scores.weight": (4, 882),
        "scores.bias": (4,),
        "fc2.weights.0": (3, 4),
        "fc2.weights.1": (3, 882),
        "fc2.bias": (3,),
    }


def test_reserved_names_get_a_trailing_underscore() -> None:
    builder = Builder()
    last = builder.input(3)
    for name in ("train", "forward", "class", "x-y", "type", "__init__"):
        last = builder.add(name, Linear(3), last)
    model = pytorch.module(builder.graph())
    names = {key.split(".")[0] for key in model.state_dict()}
    assert names == {"train_", "forward_", "class", "x-y", "type_", "__init___"}
    assert model.train(False)(torch.zeros(2, 3)).shape == (2, 3)


def test_batch_normalisation_has_buffers() -> None:
    model = pytorch.module(CASES["batchnorm"]())
    assert list(model.state_dict()) == [
        "layer.weight",
        "layer.bias",
        "layer.running_mean",
        "layer.running_var",
        "layer.num_batches_tracked",
    ]
    model(torch.randn(2, 4, 9, 8))
    assert model.layer.num_batches_tracked == 1


def test_shared_weights_are_one_tensor_used_twice() -> None:
    graph = netspec.loads("[image] input 3\n[a] fc outputs=3 bias=none\n[b] fc outputs=3 bias=none weights=a").graph
    model = pytorch.module(graph)
    (weight,) = model.parameters()
    x = torch.randn(2, 3)
    assert torch.equal(model(x), x @ weight.T @ weight.T)


def parameter(distribution: Normal | Uniform | Constant, *shape: int, key: str = "conv1.weight") -> object:
    return plain_parameter(key.split(".")[0], key, ParamShape("weight", shape, 1, 1), distribution)


def test_initial_values_come_from_a_generator_seeded_by_the_key() -> None:
    # The first eight bytes of sha256("7:conv1.weight").
    generator = torch.Generator().manual_seed(0x95247AE02C96FC2A >> 1)
    expected = torch.empty(3, 4).normal_(0.5, 0.01, generator=generator)
    assert torch.equal(pytorch.initial_values(parameter(Normal(0.5, 0.01), 3, 4), 7), expected)


def test_initial_values_depend_only_on_seed_and_key() -> None:
    normal = Normal(0.0, 1.0)
    first = pytorch.initial_values(parameter(normal, 5), 0)
    torch.manual_seed(1)
    assert torch.equal(pytorch.initial_values(parameter(normal, 5), 0), first)
    assert not torch.equal(pytorch.initial_values(parameter(normal, 5), 1), first)
    assert not torch.equal(pytorch.initial_values(parameter(normal, 5, key="conv2.weight"), 0), first)


def test_initial_values_follow_their_distribution() -> None:
    normal = pytorch.initial_values(parameter(Normal(2.0, 0.5), 10_000), 0)
    assert (normal.dtype, round(normal.mean().item(), 1), round(normal.std().item(), 1)) == (torch.float32, 2.0, 0.5)
    uniform = pytorch.initial_values(parameter(Uniform(-1.0, 3.0), 10_000), 0)
    assert -1 <= uniform.min() < -0.99
    assert 2.99 < uniform.max() <= 3
    assert pytorch.initial_values(parameter(Constant(0.25), 2), 0).tolist() == [0.25, 0.25]


def test_weights_of_an_interpolation_are_the_same_in_each_kernel() -> None:
    weights = pytorch.initial_values(parameter(Bilinear((4, 3)), 2, 1, 4, 3), 0)
    rows, columns = [0.25, 0.75, 0.75, 0.25], [0.5, 1, 0.5]
    assert weights.tolist() == [[[[a * b for b in columns] for a in rows]]] * 2


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_deconv_with_such_weights_interpolates_between_pixels(factor: int) -> None:
    """Caffe's kernel and padding for this (include/caffe/filler.hpp). At the border it sees zeros."""
    keys = f"kernel={2 * factor - factor % 2} stride={factor} pad={factor // 2} groups=3 init=bilinear bias=none"
    model = pytorch.module(netspec.loads(f"[image] input 3x5x6\n[up] deconv filters=3 {keys}").graph).double()
    x = torch.randn(1, 3, 5, 6, dtype=torch.float64)
    expected = nn.functional.interpolate(x, scale_factor=factor, mode="bilinear")
    inner = (slice(None), slice(None), slice(factor, -factor), slice(factor, -factor))
    torch.testing.assert_close(model(x)[inner], expected[inner], rtol=1e-6, atol=1e-6)


def test_module_starts_with_drawn_values() -> None:
    graph = CASES["alexnet-like"]()
    state = pytorch.module(graph, seed=3).state_dict()
    assert all(torch.equal(state[key], pytorch.initial_values(p, 3)) for key, p in graph.parameters.items())
    assert state["conv2.bias"].tolist() == [np.float32(0.2)] * 8


@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_lrn_with_odd_windows_equals_torch(size: int) -> None:
    builder = Builder()
    builder.add("lrn", Lrn(size, 2.0, 0.3, 0.75), builder.input(6, 4, 4))
    x = torch.randn(3, 6, 4, 4, dtype=torch.float64)
    expected = nn.LocalResponseNorm(size, 0.3 * size, 0.75, 2.0)(x)
    torch.testing.assert_close(pytorch.module(builder.graph())(x), expected, rtol=1e-12, atol=0)


@pytest.mark.ci
def test_lrn_has_per_sample_but_no_second_gradients() -> None:
    builder = Builder()
    builder.add("lrn", Lrn(4, 2.0, 0.3, 0.75, groups=2), builder.input(6, 2, 2))
    model = pytorch.module(builder.graph())
    x = torch.randn(3, 6, 2, 2, dtype=torch.float64, requires_grad=True)

    def total(image: torch.Tensor) -> torch.Tensor:
        return model(image[None]).square().sum()

    (expected,) = torch.autograd.grad(model(x).square().sum(), x, create_graph=True)
    torch.testing.assert_close(torch.vmap(torch.func.grad(total))(x.detach()), expected.detach())
    with pytest.raises(RuntimeError, match="once_differentiable"):
        expected.sum().backward()


def test_lrn_window_may_far_exceed_the_channels() -> None:
    builder = Builder()
    builder.add("lrn", Lrn(65_535, 2.0, 0.3, 0.75), builder.input(4, 1, 1))
    x = torch.randn(2, 4, 1, 1)
    expected = x * (2 + 0.3 * x.square().sum(1, keepdim=True)) ** -0.75
    torch.testing.assert_close(pytorch.module(builder.graph())(x), expected)


def test_separate_padding_only_where_torch_has_none() -> None:
    builder = Builder()
    image = builder.input(3, 224, 224)
    builder.add("padded", Conv(4, Window((11, 11), (4, 4), Pad(2, 2, 2, 2), rounding="down")), image)
    builder.add("overhanging", Conv(4, Window((11, 11), (4, 4), rounding="up")), image)
    builder.add("pool", MaxPool(Window((3, 3), (2, 2), rounding="up", kind="pool")), image)
    model = pytorch.module(builder.graph())
    assert (model.padded.conv.padding, model.padded.conv.image_pad) == ((2, 2), None)
    assert model.overhanging.conv.image_pad == (0, 3, 0, 3)
    assert model.pool.maxpool.ceil_mode


def test_network_with_a_loss_returns_scores_without_labels() -> None:
    model = pytorch.module(CASES["one-loss"]())
    x, labels = torch.randn(4, 9), torch.tensor([0, 3, 1, 1])
    scores = model(x)
    assert scores.shape == (4, 4)
    torch.testing.assert_close(model(x, labels), nn.functional.cross_entropy(scores, labels))
    assert torch.equal(pytorch.class_scores(model, x), scores)
    assert torch.equal(pytorch.training_loss(model, x, labels), model(x, labels))


def test_default_training_loss_is_the_cross_entropy_of_the_scores() -> None:
    model = pytorch.module(CASES["alexnet-like"]()).eval()
    x, labels = torch.randn(2, 3, 17, 17), torch.tensor([4, 0])
    scores = pytorch.class_scores(model, x)
    torch.testing.assert_close(model(x), scores.softmax(1))
    torch.testing.assert_close(pytorch.training_loss(model, x, labels), nn.functional.cross_entropy(scores, labels))


def test_layers_can_be_hooked_by_name() -> None:
    model = pytorch.module(CASES["alexnet-like"]()).eval()
    shapes = {}
    for name, child in model.named_children():
        child.register_forward_hook(lambda _, __, value, name=name: shapes.update({name: tuple(value.shape)}))
    model(torch.zeros(2, 3, 17, 17))
    assert list(shapes)[:4] == ["conv1", "norm1", "pool1", "conv2"]
    assert (shapes["conv1"], shapes["pool1"], shapes["prob"]) == ((2, 8, 7, 7), (2, 8, 3, 3), (2, 5))


def test_unread_layers_have_parameters_but_do_not_run() -> None:
    model = pytorch.module(CASES["unread-layers"]())
    model(torch.randn(2, 3, 6, 6)).sum().backward()
    assert model.idle.weight.grad is None
    assert model.used.weight.grad is not None


def test_module_can_be_copied_pickled_saved_and_cast() -> None:
    model = pytorch.module(CASES["two-losses"]()).eval()
    x = torch.randn(2, 3, 8, 8)
    expected = model(x)
    assert torch.equal(copy.deepcopy(model)(x), expected)
    assert torch.equal(pickle.loads(pickle.dumps(model))(x), expected)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = pytorch.module(CASES["two-losses"](), seed=9).eval()
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(x), expected)
    torch.testing.assert_close(model.double()(x.double()), expected.double(), rtol=1e-4, atol=1e-5)


def test_repr_lists_layers_with_shapes() -> None:
    model = pytorch.module(
        netspec.loads("net tiny\n[image] input 3x8x8\n[c] conv filters=4 kernel=3 neuron=relu").graph
    )
    assert str(model) == (
        "Network(\n"
        "  tiny\n"
        "  (c): Layer(\n"
        "    conv: 3x8x8 -> 4x6x6, weight 4x3x3x3, bias 4\n"
        "    (conv): Convolution(stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1)\n"
        "    (relu): ReLU()\n"
        "  )\n"
        ")"
    )


@pytest.mark.parametrize("name", SPEC_CASES)
def test_submodules_have_short_reprs(name: str) -> None:
    for part in pytorch.module(CASES[name]()).modules():
        assert len(part.extra_repr()) < 200


def test_netspec_torch_module_returns_a_module() -> None:
    net = netspec.load(ROOT / "specs" / "digits.net")
    model = netspec.torch_module(net, seed=2)
    assert isinstance(model, nn.Module)
    assert model(torch.zeros(1, *net.graph.input.output)).shape == (1, 10)


def test_max_of_equal_inputs_gives_the_gradient_to_the_first() -> None:
    graph = CASES["max"]()
    joined = graph.nodes["joined"]._replace(inputs=("tanh", "tanh", "tanh"))
    model = pytorch.module(replace(graph, nodes={**graph.nodes, "joined": joined}))
    x = torch.full((1, 4, 3, 3), 0.5, requires_grad=True)
    values = model.joined(*[x.requires_grad_() for _ in model.joined.reads])
    values.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))  # type: ignore[arg-type]


def test_constants_survive_casts_and_the_meta_device() -> None:
    text = (
        "[image] input 3x8x8\n[b] blur size=3 stdev=1\n[r] resize step=0.5\n"
        "[c] conv filters=3 kernel=3 table=0+1,1+2,0+2\n[f] fc outputs=3\n"
    )
    net = netspec.loads(text)
    fresh = netspec.torch_module(net)
    assert {buffer.dtype for buffer in fresh.buffers()} == {torch.float32}  # some devices have no float64
    with torch.device("meta"):
        empty = netspec.torch_module(net)
    assert "kernels=6" in repr(empty)
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    fresh.c.weight.data.normal_()  # including weights that the table excludes
    for other in (netspec.torch_module(net).bfloat16().float(), empty.to_empty(device="cpu")):
        other.load_state_dict(fresh.state_dict())
        assert torch.equal(other(x), fresh(x))
