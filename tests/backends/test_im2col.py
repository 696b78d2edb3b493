"""The gradient of the weight of a convolution over one channel, as a product with patches, against the numpy
reference and the library's own."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from building import Builder
from chances import examples
from checking import good
from comparing import assert_near, load_weights, random_weights
from drawn_windows import windows
from hypothesis import given
from hypothesis import strategies as st

from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.ops import Conv
from netspec.ir.window import Window
from netspec.passes.fast import Forms, forms_of

pytestmark = pytest.mark.usefixtures("one_thread")

pytorch, reference = backend.load("pytorch"), backend.load("reference")
patched = import_module("netspec.backends.pytorch.fast.patched")


@pytest.fixture(autouse=True)
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patched, "AT_A_TIME", 2**8)
    monkeypatch.setattr(patched, "MIN_ELEMENTS", 1)


def network(window: Window, height: int, width: int, *, bias: bool) -> Graph:
    builder = Builder()
    builder.add("conv", Conv(3, window, bias=bias), builder.input(1, height, width))
    return builder.graph()


@given(windows(), st.booleans(), st.integers(1, 5), st.booleans(), st.integers(0, 2**32 - 1))
@examples(200)
def test_values_and_gradients_are_the_references(
    where: tuple[Window, int, int], bias: bool, images: int, of_image: bool, seed: int
) -> None:
    window, height, width = where
    graph = network(window, height, width, bias=bias)
    weights, drawn = random_weights(graph), np.random.default_rng(seed)
    x = drawn.normal(size=(images, 1, height, width))
    run = reference.run(graph, weights, x, training=True)
    dy = drawn.normal(size=run.output.shape)
    wanted = reference.backward(run, {graph.output.name: dy})
    model = pytorch.module(graph, 0, forms_of(graph, ("im2col",))).double().train()
    assert isinstance(model.conv.conv, patched.PatchedConvolution)
    load_weights(model, graph, weights)
    given_x = torch.tensor(x, requires_grad=of_image)
    y = model(given_x)
    assert_near(y, run.output, "output")
    y.backward(torch.tensor(dy))
    for key, parameter in model.named_parameters():
        assert_near(parameter.grad, wanted.params[key], f"gradient of {key}")
    if of_image:
        assert_near(given_x.grad, wanted.values[graph.input.name], "gradient of the image")


def test_the_value_is_the_librarys_to_the_bit_and_so_is_a_step_under_autocast() -> None:
    graph = good("[image] input 1x12x12\n[c] conv filters=5 kernel=3 pad=1 neuron=relu\n[f] fc outputs=3\n").graph
    plain, fast = (pytorch.module(graph, 0, forms_of(graph, names)) for names in ((), ("im2col",)))
    x = torch.randn(4, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    assert torch.equal(fast(x), plain(x))
    with torch.autocast("cpu", torch.bfloat16):
        for model in (plain, fast):
            model(x).float().square().sum().backward()
    for a, b in zip(plain.parameters(), fast.parameters(), strict=True):
        assert a.grad is not None and b.grad is not None
        assert torch.equal(a.grad, b.grad)


def test_few_patches_have_the_librarys_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = patched.weight_gradient
    monkeypatch.setattr(patched, "weight_gradient", lambda *given: calls.append(1) or real(*given))
    monkeypatch.setattr(patched, "MIN_ELEMENTS", 4 * 16 * 9)  # of four images with 4 x 4 places
    model = pytorch.module(network(Window((3, 3)), 6, 6, bias=True), 0, Forms(patched=frozenset({"conv"})))
    for images, called in ((3, 0), (4, 1)):
        model(torch.ones(images, 1, 6, 6)).sum().backward()
        assert len(calls) == called


def test_a_weight_that_learns_nothing_has_no_gradient_and_the_image_has() -> None:
    graph = network(Window((3, 3)), 6, 6, bias=True)
    plain, fast = (pytorch.module(graph, 0, forms_of(graph, names)) for names in ((), ("im2col",)))
    x = torch.randn(2, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    found = []
    for model in (plain, fast):
        model.conv.weight.requires_grad_(False)
        given_x = x.clone().requires_grad_()
        model(given_x).square().sum().backward()
        assert model.conv.weight.grad is None
        found.append((given_x.grad, model.conv.bias.grad))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(b, a)
