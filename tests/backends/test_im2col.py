"""The weight gradient of convolutions over one channel as a matrix product with patches, against the reference and
PyTorch's own gradient."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from building import Builder
from checking import valid_net
from comparing import assert_near, load_weights, random_weights
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from random_windows import windows

from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.ops import Conv
from netspec.ir.window import Window
from netspec.passes.fast import Forms, forms_of

pytestmark = pytest.mark.usefixtures("one_thread")

pytorch, reference = backend.load("pytorch"), backend.load("reference")
patched = import_module("netspec.backends.pytorch.fast.patched")


@pytest.fixture(autouse=True)
def _several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make small batches use the product, computed in several parts."""
    monkeypatch.setattr(patched, "AT_A_TIME", 2**8)
    monkeypatch.setattr(patched, "MIN_ELEMENTS", 1)


def network(window: Window, height: int, width: int, *, bias: bool) -> Graph:
    builder = Builder()
    builder.add("conv", Conv(3, window, bias=bias), builder.input(1, height, width))
    return builder.graph()


@pytest.mark.ci
@given(windows(), st.booleans(), st.integers(1, 5), st.booleans(), st.integers(0, 2**32 - 1))
@examples(200)
def test_values_and_gradients_equal_the_references(
    case: tuple[Window, int, int], bias: bool, count: int, of_images: bool, seed: int
) -> None:
    window, height, width = case
    graph = network(window, height, width, bias=bias)
    weights, rng = random_weights(graph), np.random.default_rng(seed)
    images = rng.normal(size=(count, 1, height, width))
    run = reference.run(graph, weights, images, training=True)
    dy = rng.normal(size=run.output.shape)
    expected = reference.backward(run, {graph.output.name: dy})
    model = pytorch.module(graph, 0, forms_of(graph, ("im2col",))).double().train()
    assert isinstance(model.conv.conv, patched.PatchedConvolution)
    load_weights(model, graph, weights)
    x = torch.tensor(images, requires_grad=of_images)
    y = model(x)
    assert_near(y, run.output, "output")
    y.backward(torch.tensor(dy))
    for key, parameter in model.named_parameters():
        assert_near(parameter.grad, expected.params[key], f"gradient of {key}")
    if of_images:
        assert_near(x.grad, expected.values[graph.input.name], "gradient of the images")


def test_outputs_and_autocast_gradients_equal_torchs_to_the_bit() -> None:
    graph = valid_net("[image] input 1x12x12\n[c] conv filters=5 kernel=3 pad=1 neuron=relu\n[f] fc outputs=3\n").graph
    plain, fast = (pytorch.module(graph, 0, forms_of(graph, names)) for names in ((), ("im2col",)))
    x = torch.randn(4, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    assert torch.equal(fast(x), plain(x))
    with torch.autocast("cpu", torch.bfloat16):
        for model in (plain, fast):
            model(x).float().square().sum().backward()
    for a, b in zip(plain.parameters(), fast.parameters(), strict=True):
        assert a.grad is not None and b.grad is not None
        assert torch.equal(a.grad, b.grad)


def test_small_batches_use_torchs_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = patched.weight_gradient
    monkeypatch.setattr(patched, "weight_gradient", lambda *arguments: calls.append(1) or real(*arguments))
    monkeypatch.setattr(patched, "MIN_ELEMENTS", 4 * 16 * 9)  # the patches of four images with 4 x 4 positions
    model = pytorch.module(network(Window((3, 3)), 6, 6, bias=True), 0, Forms(patched=frozenset({"conv"})))
    for images, called in ((3, 0), (4, 1)):
        model(torch.ones(images, 1, 6, 6)).sum().backward()
        assert len(calls) == called


def test_frozen_weight_gets_no_gradient_but_images_and_bias_do() -> None:
    graph = network(Window((3, 3)), 6, 6, bias=True)
    plain, fast = (pytorch.module(graph, 0, forms_of(graph, names)) for names in ((), ("im2col",)))
    images = torch.randn(2, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    gradients = []
    for model in (plain, fast):
        model.conv.weight.requires_grad_(False)
        x = images.clone().requires_grad_()
        model(x).square().sum().backward()
        assert model.conv.weight.grad is None
        gradients.append((x.grad, model.conv.bias.grad))
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(b, a)
