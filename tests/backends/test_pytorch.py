"""The module as its users meet it: keys, initial values, printing, copying, calling."""

from __future__ import annotations

import copy
import io
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from building import Builder, plain_parameter
from cases import SPECS as TEXTS
from cases import cases
from places import ROOT
from torch import nn

import netspec
from netspec import backend
from netspec.ir.distribution import Constant, Normal, Uniform
from netspec.ir.graph import Graph
from netspec.ir.ops import VOCABULARY, Conv, Linear, Lrn, MaxPool, ParamShape, Relu, Softmax
from netspec.ir.window import Pad, Window

pytorch = backend.load("pytorch")
CASES = cases()

TORCHVISION_KEYS = [
    ("features.0.weight", (64, 3, 11, 11)),
    ("features.0.bias", (64,)),
    ("features.3.weight", (192, 64, 5, 5)),
    ("features.3.bias", (192,)),
    ("features.6.weight", (384, 192, 3, 3)),
    ("features.6.bias", (384,)),
    ("features.8.weight", (256, 384, 3, 3)),
    ("features.8.bias", (256,)),
    ("features.10.weight", (256, 256, 3, 3)),
    ("features.10.bias", (256,)),
    ("classifier.1.weight", (4096, 9216)),
    ("classifier.1.bias", (4096,)),
    ("classifier.4.weight", (4096, 4096)),
    ("classifier.4.bias", (4096,)),
    ("classifier.6.weight", (1000, 4096)),
    ("classifier.6.bias", (1000,)),
]
"""The state_dict that torchvision publishes for AlexNet (``alexnet-owt-7be5be79.pth``)."""


def test_every_operation_has_a_module() -> None:
    assert set(pytorch.TABLE) == set(VOCABULARY)


def test_state_dict_keys_are_the_parameters_keys() -> None:
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
        "scores.weight": (4, 784),
        "scores.bias": (4,),
        "fc2.weights.0": (3, 4),
        "fc2.weights.1": (3, 784),
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


def test_initial_values_are_drawn_from_the_keys_own_generator() -> None:
    # sha256("7:conv1.weight") begins with these eight bytes.
    generator = torch.Generator().manual_seed(0x95247AE02C96FC2A >> 1)
    wanted = torch.empty(3, 4).normal_(0.5, 0.01, generator=generator)
    assert torch.equal(pytorch.draw(parameter(Normal(0.5, 0.01), 3, 4), 7), wanted)


def test_initial_values_depend_on_seed_and_key_alone() -> None:
    normal = Normal(0.0, 1.0)
    first = pytorch.draw(parameter(normal, 5), 0)
    torch.manual_seed(1)
    assert torch.equal(pytorch.draw(parameter(normal, 5), 0), first)
    assert not torch.equal(pytorch.draw(parameter(normal, 5), 1), first)
    assert not torch.equal(pytorch.draw(parameter(normal, 5, key="conv2.weight"), 0), first)


def test_initial_values_follow_their_distribution() -> None:
    normal = pytorch.draw(parameter(Normal(2.0, 0.5), 10_000), 0)
    assert (normal.dtype, round(normal.mean().item(), 1), round(normal.std().item(), 1)) == (torch.float32, 2.0, 0.5)
    uniform = pytorch.draw(parameter(Uniform(-1.0, 3.0), 10_000), 0)
    assert -1 <= uniform.min() < -0.99
    assert 2.99 < uniform.max() <= 3
    assert pytorch.draw(parameter(Constant(0.25), 2), 0).tolist() == [0.25, 0.25]


def test_the_module_starts_with_drawn_values() -> None:
    graph = CASES["alexnet-like"]()
    state = pytorch.module(graph, seed=3).state_dict()
    assert all(torch.equal(state[key], pytorch.draw(p, 3)) for key, p in graph.parameters.items())
    assert state["conv2.bias"].tolist() == [np.float32(0.2)] * 8


@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_response_normalisation_is_torchs_for_odd_windows(size: int) -> None:
    builder = Builder()
    builder.add("lrn", Lrn(size, 2.0, 0.3, 0.75), builder.input(6, 4, 4))
    x = torch.randn(3, 6, 4, 4, dtype=torch.float64)
    wanted = nn.LocalResponseNorm(size, 0.3 * size, 0.75, 2.0)(x)
    torch.testing.assert_close(pytorch.module(builder.graph())(x), wanted, rtol=1e-12, atol=0)


def test_response_normalisation_has_per_sample_gradients_and_refuses_second_ones() -> None:
    builder = Builder()
    builder.add("lrn", Lrn(4, 2.0, 0.3, 0.75, groups=2), builder.input(6, 2, 2))
    model = pytorch.module(builder.graph())
    x = torch.randn(3, 6, 2, 2, dtype=torch.float64, requires_grad=True)

    def total(image: torch.Tensor) -> torch.Tensor:
        return model(image[None]).square().sum()

    (wanted,) = torch.autograd.grad(model(x).square().sum(), x, create_graph=True)
    torch.testing.assert_close(torch.vmap(torch.func.grad(total))(x.detach()), wanted.detach())
    with pytest.raises(RuntimeError, match="once_differentiable"):
        wanted.sum().backward()


def test_a_window_far_larger_than_its_channels_costs_nothing_more() -> None:
    builder = Builder()
    builder.add("lrn", Lrn(65_535, 2.0, 0.3, 0.75), builder.input(4, 1, 1))
    x = torch.randn(2, 4, 1, 1)
    wanted = x * (2 + 0.3 * x.square().sum(1, keepdim=True)) ** -0.75
    torch.testing.assert_close(pytorch.module(builder.graph())(x), wanted)


def test_padding_is_an_operation_of_its_own_only_where_it_must_be() -> None:
    builder = Builder()
    image = builder.input(3, 224, 224)
    builder.add("padded", Conv(4, Window((11, 11), (4, 4), Pad(2, 2, 2, 2), rounding="down")), image)
    builder.add("overhanging", Conv(4, Window((11, 11), (4, 4), rounding="up")), image)
    builder.add("pool", MaxPool(Window((3, 3), (2, 2), rounding="up", kind="pool")), image)
    model = pytorch.module(builder.graph())
    assert (model.padded.conv.padding, model.padded.conv.before) == ((2, 2), None)
    assert model.overhanging.conv.before == (0, 3, 0, 3)
    assert model.pool.maxpool.ceil_mode


def test_a_loss_needs_labels_and_without_them_there_are_scores() -> None:
    model = pytorch.module(CASES["one-loss"]())
    x, labels = torch.randn(4, 9), torch.tensor([0, 3, 1, 1])
    scores = model(x)
    assert scores.shape == (4, 4)
    torch.testing.assert_close(model(x, labels), nn.functional.cross_entropy(scores, labels))
    assert torch.equal(pytorch.class_scores(model, x), scores)
    assert torch.equal(pytorch.training_loss(model, x, labels), model(x, labels))


def test_without_a_loss_training_takes_the_cross_entropy_of_what_softmax_reads() -> None:
    model = pytorch.module(CASES["alexnet-like"]()).eval()
    x, labels = torch.randn(2, 3, 17, 17), torch.tensor([4, 0])
    scores = pytorch.class_scores(model, x)
    torch.testing.assert_close(model(x), scores.softmax(1))
    torch.testing.assert_close(pytorch.training_loss(model, x, labels), nn.functional.cross_entropy(scores, labels))


def test_layers_can_be_hooked_by_their_names() -> None:
    model = pytorch.module(CASES["alexnet-like"]()).eval()
    seen = {}
    for name, child in model.named_children():
        child.register_forward_hook(lambda _, __, value, name=name: seen.update({name: tuple(value.shape)}))
    model(torch.zeros(2, 3, 17, 17))
    assert list(seen)[:4] == ["conv1", "norm1", "pool1", "conv2"]
    assert (seen["conv1"], seen["pool1"], seen["prob"]) == ((2, 8, 7, 7), (2, 8, 3, 3), (2, 5))


def test_layers_that_nothing_reads_have_parameters_and_are_not_run() -> None:
    model = pytorch.module(CASES["unread-layers"]())
    model(torch.randn(2, 3, 6, 6)).sum().backward()
    assert model.idle.weight.grad is None
    assert model.used.weight.grad is not None


def test_it_can_be_copied_pickled_saved_and_made_double() -> None:
    model = pytorch.module(CASES["two-losses"]()).eval()
    x = torch.randn(2, 3, 8, 8)
    wanted = model(x)
    assert torch.equal(copy.deepcopy(model)(x), wanted)
    assert torch.equal(pickle.loads(pickle.dumps(model))(x), wanted)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = pytorch.module(CASES["two-losses"](), seed=9).eval()
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(x), wanted)
    torch.testing.assert_close(model.double()(x.double()), wanted.double(), rtol=1e-4, atol=1e-5)


def test_it_prints_as_a_table_of_layers() -> None:
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


@pytest.mark.parametrize("name", TEXTS)
def test_every_part_has_a_short_representation(name: str) -> None:
    for part in pytorch.module(CASES[name]()).modules():
        assert len(part.extra_repr()) < 200


def test_the_python_door_leads_here() -> None:
    net = netspec.load(ROOT / "specs" / "digits.net")
    model = netspec.torch_module(net, seed=2)
    assert isinstance(model, nn.Module)
    assert model(torch.zeros(1, *net.graph.input.output)).shape == (1, 10)


def torchvision_state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {key: torch.empty(shape).normal_(0, 0.02, generator=generator) for key, shape in TORCHVISION_KEYS}


def torchvision_forward(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Its published network, in eval mode, from the state's own keys."""
    functional = nn.functional

    def conv(x: torch.Tensor, place: int, **options: int) -> torch.Tensor:
        return functional.conv2d(
            x, state[f"features.{place}.weight"], state[f"features.{place}.bias"], **options
        ).relu()

    def linear(x: torch.Tensor, place: int) -> torch.Tensor:
        return functional.linear(x, state[f"classifier.{place}.weight"], state[f"classifier.{place}.bias"])

    x = functional.max_pool2d(conv(x, 0, stride=4, padding=2), 3, 2)
    x = functional.max_pool2d(conv(x, 3, padding=2), 3, 2)
    x = functional.max_pool2d(conv(conv(conv(x, 6, padding=1), 8, padding=1), 10, padding=1), 3, 2)
    return linear(linear(linear(x.flatten(1), 1).relu(), 4).relu(), 6)


def test_torchvisions_weights_load_and_mean_the_same() -> None:
    graph = netspec.load(ROOT / "specs" / "alexnet-torchvision.net").graph
    state = torchvision_state()
    model = pytorch.module(graph).eval()
    model.load_state_dict(pytorch.from_torchvision(graph, state))
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(pytorch.class_scores(model, x), torchvision_forward(state, x))


def test_torchvisions_keys_have_their_place() -> None:
    graph = netspec.load(ROOT / "specs" / "alexnet-torchvision.net").graph
    state = {key: torch.empty(shape) for key, shape in TORCHVISION_KEYS}
    found = pytorch.from_torchvision(graph, state)
    assert found["conv2.weight"] is state["features.3.weight"]
    assert found["fc6.weight"] is state["classifier.1.weight"]
    assert found["fc8.bias"] is state["classifier.6.bias"]


def small_torchvision() -> Graph:
    builder = Builder(name="small")
    last = builder.add("fc1", Linear(4), builder.input(3))
    builder.add("prob", Softmax(), builder.add("fc2", Linear(2), builder.add("relu", Relu(), last)))
    return builder.graph()


@pytest.mark.parametrize(
    ("shapes", "complaint"),
    [
        ({"a.weight": (4, 3), "a.bias": (4,)}, "small has 4 parameters, the file has 2"),
        (
            {"a.weight": (4, 3), "a.bias": (4,), "b.weight": (2, 5), "b.bias": (2,)},
            "fc2.weight has shape 2x4, b.weight in its place has 2x5",
        ),
        (
            {"a.bias": (4, 3), "a.weight": (4,), "b.weight": (2, 4), "b.bias": (2,)},
            "fc1.weight has shape 4x3, a.bias in its place has 4x3",
        ),
    ],
    ids=["number", "shape", "role"],
)
def test_what_is_not_laid_out_like_the_graph_is_refused(shapes: dict[str, tuple[int, ...]], complaint: str) -> None:
    state = {key: torch.empty(shape) for key, shape in shapes.items()}
    with pytest.raises(ValueError, match=complaint):
        pytorch.from_torchvision(small_torchvision(), state)


def test_the_largest_of_equal_inputs_gives_its_gradient_to_the_first() -> None:
    graph = CASES["max"]()
    first = replace(graph.nodes["joined"], inputs=("tanh", "tanh", "tanh"))
    model = pytorch.module(replace(graph, nodes={**graph.nodes, "joined": first}))
    x = torch.full((1, 4, 3, 3), 0.5, requires_grad=True)
    values = model.joined(*[x.requires_grad_() for _ in model.joined.reads])
    values.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))  # type: ignore[arg-type]


def test_fixed_numbers_outlive_every_type_and_place() -> None:
    text = (
        "[image] input 3x8x8\n[b] blur size=3 stdev=1\n[r] resize step=0.5\n"
        "[c] conv filters=3 kernel=3 table=0+1,1+2,0+2\n[f] fc outputs=3\n"
    )
    net = netspec.loads(text)
    fresh = netspec.torch_module(net)
    assert {buffer.dtype for buffer in fresh.buffers()} == {torch.float32}  # some devices know no float64
    with torch.device("meta"):
        empty = netspec.torch_module(net)
    assert "kernels=6" in repr(empty)
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    fresh.c.weight.data.normal_()  # also where the table has no kernel
    for other in (netspec.torch_module(net).bfloat16().float(), empty.to_empty(device="cpu")):
        other.load_state_dict(fresh.state_dict())
        assert torch.equal(other(x), fresh(x))
