"""Average and sum pooling of rows, then of columns, against the numpy reference and the plain module."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from chances import examples
from checking import good
from comparing import assert_near, load_weights, random_images, random_weights
from drawn_windows import network, windows
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.ops import AvgPool, SumPool
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window
from netspec.passes.fast import forms_of

pytestmark = pytest.mark.usefixtures("one_thread")

pytorch, reference = backend.load("pytorch"), backend.load("reference")
separable = import_module("netspec.backends.pytorch.fast.separable")


@pytest.fixture(autouse=True)
def few_numbers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps as small as the tests' go the fast way, and their gradients in several parts."""
    monkeypatch.setattr(separable, "MIN_ELEMENTS", 1)
    monkeypatch.setattr(separable, "AT_A_TIME", 2**8)


def pooling(graph: Graph) -> tuple[nn.Module, nn.Module]:
    """The pooling's plain module, and that of its rows and columns."""
    plain = pytorch.module(graph, 0).pool.get_submodule(graph.nodes["pool"].op.__class__.__name__.lower())
    shape = graph.shapes(graph.nodes["pool"])[0]
    return plain, separable.SeparablePool(graph.nodes["pool"].op, shape)


def both_ways(pool: nn.Module, x: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
    """The value, and the gradient of what is read."""
    x = x.clone().requires_grad_()
    y = pool(x)
    return y.detach(), *torch.autograd.grad(y, x, dy.to(y.dtype))


@given(windows(), st.sampled_from([AvgPool, SumPool]), st.integers(1, 3), st.integers(1, 5), st.integers(0, 2**32 - 1))
@examples(200)
def test_values_and_gradients_are_the_references(
    where: tuple[Window, int, int], kind: type[AvgPool | SumPool], channels: int, images: int, seed: int
) -> None:
    window, height, width = where
    graph = network(kind(window), channels, height, width)
    drawn = np.random.default_rng(seed)
    x = drawn.normal(size=(images, channels, height, width))
    run = reference.run(graph, {}, x, training=True)
    dy = drawn.normal(size=run.output.shape)
    wanted = reference.backward(run, {"pool": dy}).values[graph.input.name]
    y, dx = both_ways(pooling(graph)[1], torch.tensor(x), torch.tensor(dy))
    assert_near(y, run.output, "output")
    assert_near(dx, wanted, "gradient")


@given(windows(), st.sampled_from([AvgPool, SumPool]), st.integers(0, 2**32 - 1))
@examples(50)
def test_in_bfloat16_they_are_those_of_float32_rounded_once(
    where: tuple[Window, int, int], kind: type[AvgPool | SumPool], seed: int
) -> None:
    window, height, width = where
    pool = separable.SeparablePool(kind(window), Shape(3, height, width))
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, 3, height, width, generator=generator).bfloat16()
    dy = torch.randn(pool(x).shape, generator=generator).bfloat16()
    found, wanted = both_ways(pool, x, dy), both_ways(pool, x.float(), dy.float())
    for value, wide in zip(found, wanted, strict=True):
        assert value.dtype == torch.bfloat16
        assert torch.equal(value, wide.bfloat16())


def test_a_number_that_is_none_stays_in_its_windows() -> None:
    graph = network(AvgPool(Window((2, 2), (2, 2))), 1, 6, 6)
    x = torch.ones(1, 1, 6, 6)
    x[0, 0, 0, 3], x[0, 0, 5, 0] = torch.nan, torch.inf
    plain, fast = (pool(x) for pool in pooling(graph))
    torch.testing.assert_close(fast, plain, equal_nan=True)
    assert fast.isfinite().sum() == 7


def test_windows_that_see_nothing_but_padding_have_no_average_and_a_sum_of_0() -> None:
    window = Window((2, 2), (2, 2), Pad(2, 0, 0, 0), outside=True)
    x = torch.ones(1, 1, 4, 4)
    sums, averages = (separable.SeparablePool(kind(window), Shape(1, 4, 4))(x) for kind in (SumPool, AvgPool))
    assert sums[0, 0].tolist() == [[0, 4, 4]] * 2
    assert averages[0, 0, :, 0].isnan().all() and (averages[..., 1:] == 1).all()


def test_maps_that_lie_otherwise_and_averages_of_few_numbers_go_the_plain_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_plain(kind: type[AvgPool | SumPool], x: Tensor) -> bool:
        _, fast = pooling(network(kind(Window((3, 3), (2, 2))), 4, 9, 9))
        went: list[Tensor] = []
        fast.plain.register_forward_hook(lambda module, given, made: went.append(made))
        made = fast(x)
        return any(made is other for other in went)

    x = torch.randn(2, 4, 9, 9)
    assert is_plain(AvgPool, x.contiguous(memory_format=torch.channels_last))
    for fewest, plain in ((x.numel(), False), (x.numel() + 1, True)):
        monkeypatch.setattr(separable, "MIN_ELEMENTS", fewest)
        assert is_plain(AvgPool, x) == plain
        assert not is_plain(SumPool, x)  # whose plain way is a convolution


def test_nothing_is_kept() -> None:
    _, fast = pooling(network(AvgPool(Window((3, 3), (2, 2))), 4, 9, 9))
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        fast(torch.randn(2, 4, 9, 9).requires_grad_())
    assert not kept


@pytest.mark.parametrize(
    "pool",
    [
        "avgpool kernel=3 stride=2 rounding=up",
        "avgpool kernel=2 stride=2",
        "avgpool kernel=3 pad=2,1,1,0 stride=1 rounding=up",
        "sumpool kernel=2 stride=2",
        "sumpool kernel=global",
    ],
)
def test_a_network_with_it_is_the_references(pool: str) -> None:
    text = f"[image] input 3x10x10\n[c] conv filters=5 kernel=3\n[p] {pool}\n[f] fc outputs=3\n"
    graph = good(text).graph
    forms = forms_of(graph, ("avg-pool",))
    assert forms.passes == ("avg-pool",)
    weights, x = random_weights(graph), random_images(graph, 3)
    run = reference.run(graph, weights, x, training=True)
    model = pytorch.module(graph, 0, forms).double().train()
    load_weights(model, graph, weights)
    assert any(isinstance(module, separable.SeparablePool) for module in model.modules())
    given_x = torch.tensor(x, requires_grad=True)
    found = model(given_x)
    assert_near(found, run.output, "output")
    found.square().sum().backward()
    wanted = reference.backward(run, {graph.output.name: 2 * run.output})
    assert given_x.grad is not None
    assert_near(given_x.grad, wanted.values[graph.input.name], "gradient of the images")
    assert_near(model.c.weight.grad, wanted.params["c.weight"], "gradient of the weight")
