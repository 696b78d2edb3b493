"""Maximum pooling of a channels-last copy: equal to PyTorch's to the bit, forward and backward."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import torch
from checking import valid_net
from comparing import assert_matches_reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from random_windows import network, windows
from torch import Tensor, nn

from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.ops import MaxPool
from netspec.ir.window import Window
from netspec.passes.fast import forms_of

pytestmark = pytest.mark.usefixtures("one_thread")

pytorch = backend.load("pytorch")
pooled: Any = import_module("netspec.backends.pytorch.fast.pooled")

SPECIAL = (0.0, -0.0, 1.0, 1.5, -1.0, math.inf, -math.inf, math.nan)
"""Values of test images: ties, signed zeros, infinities and NaN."""

INTEGER_TYPES = {torch.float64: torch.int64, torch.float32: torch.int32, torch.bfloat16: torch.int16}


@pytest.fixture(scope="module", autouse=True)
def _no_minimum_size() -> Iterator[None]:
    """Make small maps use the form without gradients as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooled, "WITHOUT_COPY", 1)
        yield


def pooling(graph: Graph, *names: str) -> nn.Module:
    """Return the pooling's module in the form that these passes choose."""
    module: nn.Module = pytorch.module(graph, 0, forms_of(graph, names)).pool.maxpool
    assert (type(module).__name__ == "ChannelsLastMaxPool") == bool(names)
    return module


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Whether all bits are equal, including the signs of zeros, except that all NaNs count as equal."""
    assert a.dtype == b.dtype and a.stride() == b.stride()
    bits, others = (
        x.nan_to_num(nan=12345, posinf=math.inf, neginf=-math.inf).view(INTEGER_TYPES[x.dtype]) for x in (a, b)
    )
    return torch.equal(bits, others)


@given(
    windows(), st.integers(16, 21), st.integers(1, 2), st.integers(0, 2**32 - 1), st.sampled_from(list(INTEGER_TYPES))
)
@examples(200)
def test_values_and_gradients_equal_torchs_to_the_bit(
    case: tuple[Window, int, int], channels: int, images: int, seed: int, dtype: torch.dtype
) -> None:
    window, height, width = case
    graph = network(MaxPool(window), channels, height, width)
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(SPECIAL), (images, channels, height, width), generator=generator)
    x = torch.tensor(SPECIAL, dtype=dtype)[chosen].requires_grad_()
    plain, fast = pooling(graph), pooling(graph, "max-pool")
    expected, actual = plain(x), fast(x)
    assert same_bits(actual, expected)
    with torch.no_grad():  # zeros may have the other sign
        assert same_bits(fast(x).abs(), expected.abs())
        torch.testing.assert_close(fast(x), expected, rtol=0, atol=0, equal_nan=True)
    # Random gradients, so that sums over overlapping windows are rounded and show their order.
    dy = torch.randn(expected.shape, generator=generator).to(dtype)
    (a,), (b,) = torch.autograd.grad(expected, x, dy), torch.autograd.grad(actual, x, dy)
    assert same_bits(b, a)


def test_small_maps_without_gradients_use_torchs_pooling(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = pooling(network(MaxPool(Window((3, 3), (2, 2))), 16, 9, 9), "max-pool")
    x, calls, largest = torch.randn(2, 16, 9, 9), list[int](), pooled.largest
    monkeypatch.setattr(pooled, "largest", lambda x, axes: calls.append(x.numel()) or largest(x, axes))
    for fewest in (x.numel(), x.numel() + 1):
        monkeypatch.setattr(pooled, "WITHOUT_COPY", fewest)
        fast(x)
    assert calls == [x.numel()]


@pytest.mark.parametrize("side", [16, 32])  # maps of 2 and of 8 KiB, which are spaced out first
def test_maps_that_would_collide_in_the_cache(side: int) -> None:
    graph = network(MaxPool(Window((3, 3), (2, 2), rounding="up")), 16, side, side * 2)
    x = torch.randn(3, 16, side, side * 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    expected, actual = pooling(graph)(x), pooling(graph, "max-pool")(x)
    assert same_bits(actual, expected)
    (a,), (b,) = (torch.autograd.grad(y.square().sum(), x) for y in (expected, actual))
    assert same_bits(b, a)


def test_channels_last_maps_are_pooled_without_a_copy() -> None:
    graph = network(MaxPool(Window((2, 2), (2, 2))), 16, 8, 8)
    x = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    channels_last = x.contiguous(memory_format=torch.channels_last)
    fast = pooling(graph, "max-pool")
    assert fast(channels_last).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(fast(channels_last), fast(x))


def test_only_the_positions_of_maxima_are_kept() -> None:
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
def test_network_equals_the_reference(keys: str) -> None:
    text = f"[image] input 3x10x10\n[c] conv filters=17 kernel=3\n[p] maxpool {keys}\n[f] fc outputs=3\n"
    graph = valid_net(text).graph
    forms = forms_of(graph, ("max-pool",))
    assert forms.passes == ("max-pool",)
    assert_matches_reference(graph, forms)
