"""Average and sum pooling of rows, then of columns, against the reference and the plain module."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from checking import valid_net
from comparing import assert_matches_reference, assert_near
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from random_windows import network, windows
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
def _no_minimum_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make small maps use this form, with gradients computed in several parts."""
    monkeypatch.setattr(separable, "MIN_ELEMENTS", 1)
    monkeypatch.setattr(separable, "AT_A_TIME", 2**8)


def pooling(graph: Graph) -> tuple[nn.Module, nn.Module]:
    """Return the pooling's plain module, and that which pools rows, then columns."""
    plain = pytorch.module(graph, 0).pool.get_submodule(graph.nodes["pool"].op.__class__.__name__.lower())
    shape = graph.shapes(graph.nodes["pool"])[0]
    return plain, separable.SeparablePool(graph.nodes["pool"].op, shape)


def value_and_gradient(pool: nn.Module, x: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
    """Return the output, and the gradient of the input for an output gradient ``dy``."""
    x = x.clone().requires_grad_()
    y = pool(x)
    return y.detach(), *torch.autograd.grad(y, x, dy.to(y.dtype))


@pytest.mark.ci
@given(windows(), st.sampled_from([AvgPool, SumPool]), st.integers(1, 3), st.integers(1, 5), st.integers(0, 2**32 - 1))
@examples(200)
def test_values_and_gradients_equal_the_references(
    case: tuple[Window, int, int], kind: type[AvgPool | SumPool], channels: int, images: int, seed: int
) -> None:
    window, height, width = case
    graph = network(kind(window), channels, height, width)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(images, channels, height, width))
    run = reference.run(graph, {}, x, training=True)
    dy = rng.normal(size=run.output.shape)
    expected = reference.backward(run, {"pool": dy}).values[graph.input.name]
    y, dx = value_and_gradient(pooling(graph)[1], torch.tensor(x), torch.tensor(dy))
    assert_near(y, run.output, "output")
    assert_near(dx, expected, "gradient")


@given(windows(), st.sampled_from([AvgPool, SumPool]), st.integers(0, 2**32 - 1))
@examples(50)
@pytest.mark.ci  # takes a second
def test_bfloat16_results_are_float32_results_rounded_once(
    case: tuple[Window, int, int], kind: type[AvgPool | SumPool], seed: int
) -> None:
    window, height, width = case
    pool = separable.SeparablePool(kind(window), Shape(3, height, width))
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, 3, height, width, generator=generator).bfloat16()
    dy = torch.randn(pool(x).shape, generator=generator).bfloat16()
    actual, expected = value_and_gradient(pool, x, dy), value_and_gradient(pool, x.float(), dy.float())
    for narrow, wide in zip(actual, expected, strict=True):
        assert narrow.dtype == torch.bfloat16
        assert torch.equal(narrow, wide.bfloat16())


def test_nan_and_infinity_stay_in_their_windows() -> None:
    graph = network(AvgPool(Window((2, 2), (2, 2))), 1, 6, 6)
    x = torch.ones(1, 1, 6, 6)
    x[0, 0, 0, 3], x[0, 0, 5, 0] = torch.nan, torch.inf
    plain, fast = (pool(x) for pool in pooling(graph))
    torch.testing.assert_close(fast, plain, equal_nan=True)
    assert fast.isfinite().sum() == 7


def test_windows_of_padding_alone_have_sum_0_and_average_nan() -> None:
    window = Window((2, 2), (2, 2), Pad(2, 0, 0, 0), outside=True)
    x = torch.ones(1, 1, 4, 4)
    sums, averages = (separable.SeparablePool(kind(window), Shape(1, 4, 4))(x) for kind in (SumPool, AvgPool))
    assert sums[0, 0].tolist() == [[0, 4, 4]] * 2
    assert averages[0, 0, :, 0].isnan().all() and (averages[..., 1:] == 1).all()


def test_channels_last_maps_and_small_averages_use_the_plain_module(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_plain(kind: type[AvgPool | SumPool], x: Tensor) -> bool:
        _, fast = pooling(network(kind(Window((3, 3), (2, 2))), 4, 9, 9))
        plain_outputs: list[Tensor] = []
        fast.plain.register_forward_hook(lambda module, inputs, output: plain_outputs.append(output))
        y = fast(x)
        return any(y is output for output in plain_outputs)

    x = torch.randn(2, 4, 9, 9)
    assert is_plain(AvgPool, x.contiguous(memory_format=torch.channels_last))
    for fewest, plain in ((x.numel(), False), (x.numel() + 1, True)):
        monkeypatch.setattr(separable, "MIN_ELEMENTS", fewest)
        assert is_plain(AvgPool, x) == plain
        assert not is_plain(SumPool, x)  # whose plain module is a convolution


def test_nothing_is_kept_for_the_backward_pass() -> None:
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
def test_network_equals_the_reference(pool: str) -> None:
    text = f"[image] input 3x10x10\n[c] conv filters=5 kernel=3\n[p] {pool}\n[f] fc outputs=3\n"
    graph = valid_net(text).graph
    forms = forms_of(graph, ("avg-pool",))
    assert forms.passes == ("avg-pool",)
    model = assert_matches_reference(graph, forms)
    assert any(isinstance(module, separable.SeparablePool) for module in model.modules())
