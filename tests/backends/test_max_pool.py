"""The maximum pooling of maps with channels side by side: the bits of the library's own, forward and backward."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module
from typing import Any

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
from netspec.ir.ops import MaxPool
from netspec.ir.window import Window
from netspec.passes.fast import forms_of

pytestmark = pytest.mark.usefixtures("one_thread")

pytorch, reference = backend.load("pytorch"), backend.load("reference")
pooled: Any = import_module("netspec.backends.pytorch.fast.pooled")

SPECIAL = (0.0, -0.0, 1.0, 1.5, -1.0, math.inf, -math.inf, math.nan)
"""Numbers of which any two may be in a window, and be equal."""

INTEGERS = {torch.float64: torch.int64, torch.float32: torch.int32, torch.bfloat16: torch.int16}


@pytest.fixture(scope="module", autouse=True)
def _few_numbers_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooled, "WITHOUT_COPY", 1)
        yield


def pooling(graph: Graph, *names: str) -> nn.Module:
    """The module of the pooling, in the form of these passes."""
    found: nn.Module = pytorch.module(graph, 0, forms_of(graph, names)).pool.maxpool
    assert (type(found).__name__ == "ChannelsLastMaxPool") == bool(names)
    return found


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Whether they are the same, the signs of zeros too; of NaNs there are several."""
    assert a.dtype == b.dtype and a.stride() == b.stride()
    bits, others = (x.nan_to_num(nan=12345, posinf=math.inf, neginf=-math.inf).view(INTEGERS[x.dtype]) for x in (a, b))
    return torch.equal(bits, others)


@given(windows(), st.integers(16, 21), st.integers(1, 2), st.integers(0, 2**32 - 1), st.sampled_from(list(INTEGERS)))
@examples(200)
def test_values_and_gradients_are_the_librarys_to_the_bit(
    where: tuple[Window, int, int], channels: int, images: int, seed: int, dtype: torch.dtype
) -> None:
    window, height, width = where
    graph = network(MaxPool(window), channels, height, width)
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(SPECIAL), (images, channels, height, width), generator=generator)
    x = torch.tensor(SPECIAL, dtype=dtype)[chosen].requires_grad_()
    plain, fast = pooling(graph), pooling(graph, "max-pool")
    wanted, found = plain(x), fast(x)
    assert same_bits(found, wanted)
    with torch.no_grad():  # the same numbers, but for the sign of a zero
        assert same_bits(fast(x).abs(), wanted.abs())
        torch.testing.assert_close(fast(x), wanted, rtol=0, atol=0, equal_nan=True)
    # Of three digits, so that sums of several windows' gradients are rounded, and their order shows.
    dy = torch.randn(wanted.shape, generator=generator).to(dtype)
    (a,), (b,) = torch.autograd.grad(wanted, x, dy), torch.autograd.grad(found, x, dy)
    assert same_bits(b, a)


def test_few_numbers_of_which_no_gradient_is_wanted_go_the_librarys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = pooling(network(MaxPool(Window((3, 3), (2, 2))), 16, 9, 9), "max-pool")
    x, counted, largest = torch.randn(2, 16, 9, 9), list[int](), pooled.largest
    monkeypatch.setattr(pooled, "largest", lambda x, axes: counted.append(x.numel()) or largest(x, axes))
    for fewest in (x.numel(), x.numel() + 1):
        monkeypatch.setattr(pooled, "WITHOUT_COPY", fewest)
        fast(x)
    assert counted == [x.numel()]


@pytest.mark.parametrize("side", [16, 32])  # maps of 2 and of 8 KiB, which are laid apart first
def test_maps_of_which_many_would_share_a_place_in_the_cache(side: int) -> None:
    graph = network(MaxPool(Window((3, 3), (2, 2), rounding="up")), 16, side, side * 2)
    x = torch.randn(3, 16, side, side * 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    wanted, found = pooling(graph)(x), pooling(graph, "max-pool")(x)
    assert same_bits(found, wanted)
    (a,), (b,) = (torch.autograd.grad(y.square().sum(), x) for y in (wanted, found))
    assert same_bits(b, a)


def test_maps_that_lie_otherwise_are_pooled_where_they_are() -> None:
    graph = network(MaxPool(Window((2, 2), (2, 2))), 16, 8, 8)
    x = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    last = x.contiguous(memory_format=torch.channels_last)
    fast = pooling(graph, "max-pool")
    assert fast(last).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(fast(last), fast(x))


def test_nothing_but_the_places_is_kept() -> None:
    graph = network(MaxPool(Window((2, 2), (2, 2))), 16, 8, 8)
    x = torch.randn(2, 16, 8, 8).requires_grad_()
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        pooling(graph, "max-pool")(x)
    assert [(tensor.dtype, tensor.untyped_storage().nbytes()) for tensor in kept] == [(torch.int64, 2 * 16 * 4 * 4 * 8)]


@pytest.mark.parametrize(
    "keys",
    [
        "kernel=3 stride=2 rounding=up",
        "kernel=2 stride=2",
        "kernel=3 stride=1 pad=1",
        "kernel=3 pad=2,1,1,0 rounding=up",
    ],
)
def test_a_network_with_it_is_the_references(keys: str) -> None:
    text = f"[image] input 3x10x10\n[c] conv filters=17 kernel=3\n[p] maxpool {keys}\n[f] fc outputs=3\n"
    graph = good(text).graph
    forms = forms_of(graph, ("max-pool",))
    assert forms.passes == ("max-pool",)
    weights, x = random_weights(graph), random_images(graph, 3)
    run = reference.run(graph, weights, x, training=True)
    model = pytorch.module(graph, 0, forms).double().train()
    load_weights(model, graph, weights)
    given_x = torch.tensor(x, requires_grad=True)
    found = model(given_x)
    assert_near(found, run.output, "output")
    found.square().sum().backward()
    wanted = reference.backward(run, {graph.output.name: 2 * run.output})
    assert given_x.grad is not None
    assert_near(given_x.grad, wanted.values[graph.input.name], "gradient of the images")
    assert_near(model.c.weight.grad, wanted.params["c.weight"], "gradient of the weight")
