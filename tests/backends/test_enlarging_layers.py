"""Transposed convolutions and upsampling against PyTorch's conv_transpose2d and interpolate."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from building import Builder
from checking import valid_net
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from simulated_cuda import simulate_cuda

from netspec import backend
from netspec.ir.ops import Deconv, Upsample
from netspec.ir.ops.scaling import MAX_FACTOR, METHODS, UpsamplingMethod
from netspec.ir.window import Pad, TransposedWindow

reference = backend.load("reference")
PAIRS = st.tuples(st.integers(1, 4), st.integers(1, 4))


@st.composite
def arguments(draw: st.DrawFn) -> dict[str, object]:
    """Arguments of conv_transpose2d with which the output is not empty."""
    kernel, stride, dilation, size = draw(PAIRS), draw(PAIRS), draw(PAIRS), draw(PAIRS)
    padding, output_padding = [], []
    for side, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        full = (side - 1) * s + (k - 1) * d + 1
        padding.append(draw(st.integers(0, (full - 1) // 2)))
        output_padding.append(draw(st.integers(0, max(s, d) - 1)))
    return {
        "kernel": kernel, "size": size, "stride": stride, "dilation": dilation, "padding": tuple(padding),
        "output_padding": tuple(output_padding), "groups": draw(st.integers(1, 3)),
    }  # fmt: skip


@examples(100)
@given(arguments(), st.integers(1, 2), st.integers(1, 2), st.integers(0, 99))
def test_outputs_and_gradients_equal_those_of_conv_transpose2d(
    given: dict[str, tuple[int, int]], channels: int, filters: int, seed: int
) -> None:
    """In float64. ``output_padding`` is what is cut off less on the far sides."""
    groups: int = given["groups"]  # type: ignore[assignment]
    (rows, columns), (more_rows, more_columns) = given["padding"], given["output_padding"]
    pad = Pad(columns, columns - more_columns, rows, rows - more_rows)
    op = Deconv(groups * filters, TransposedWindow(given["kernel"], given["stride"], pad, given["dilation"]), groups)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, groups * channels, *given["size"]))
    builder = Builder()
    builder.add("up", op, builder.input(*x.shape[1:]))
    graph = builder.graph()
    weights = {key: rng.normal(size=p.shape) for key, p in graph.parameters.items()}
    run = reference.run(graph, weights, x)
    upstream = rng.normal(size=run.output.shape)
    found = reference.backward(run, {"up": upstream})

    tensors = [torch.tensor(array, requires_grad=True) for array in (x, weights["up.weight"], weights["up.bias"])]
    keys = ("stride", "padding", "output_padding", "groups", "dilation")
    expected = F.conv_transpose2d(*tensors, *(given[key] for key in keys))
    expected.backward(torch.tensor(upstream))
    module = backend.load("pytorch").module(graph).double()
    with torch.no_grad():
        for key, parameter in module.named_parameters():
            parameter.copy_(torch.tensor(weights[key]))
    np.testing.assert_allclose(run.output, expected.detach(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(module(torch.tensor(x)).detach(), expected.detach(), rtol=1e-12, atol=1e-12)
    gradients = (found.values["image"], found.params["up.weight"], found.params["up.bias"])
    for mine, tensor in zip(gradients, tensors, strict=True):
        assert tensor.grad is not None
        np.testing.assert_allclose(mine, tensor.grad, rtol=1e-10, atol=1e-12)


def test_weights_of_pytorch_need_no_conversion() -> None:
    """The ``state_dict`` of an ``nn.ConvTranspose2d`` loads as it is, also in groups."""
    theirs = torch.nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1, groups=2)
    builder = Builder()
    builder.add("up", Deconv(4, TransposedWindow((3, 3), (2, 2), Pad(1, 0, 1, 0)), 2), builder.input(6, 5, 5))
    module = backend.load("pytorch").module(builder.graph())
    module.load_state_dict({f"up.{key}": tensor for key, tensor in theirs.state_dict().items()})
    x = torch.randn(2, 6, 5, 5)
    torch.testing.assert_close(module(x), theirs(x))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [(2, 3), (1, 7), (5, 32)])
def test_upsampling_equals_interpolate_in_float64(factor: tuple[int, int], method: UpsamplingMethod) -> None:
    mode: dict[str, object] = {"mode": "nearest" if method == "nearest" else "bilinear"}
    mode |= {} if method == "nearest" else {"align_corners": method == "corners"}
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    builder = Builder()
    builder.add("up", Upsample(factor, method), builder.input(3, 4, 5))
    ours = reference.run(builder.graph(), {}, x).output
    np.testing.assert_allclose(ours, F.interpolate(torch.tensor(x), scale_factor=factor, **mode), rtol=0, atol=1e-12)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_only_interpolated_pixels_are_float32_under_autocast(device: str) -> None:
    """On a GPU, autocast itself would make all of them float32."""
    text = "[image] input 3x6x6\n[maps] conv filters=4 kernel=3\n"
    with simulate_cuda() if device == "cuda" else nullcontext():
        for layer in ("upsample factor=2", "resize size=5x7 method=nearest", "upsample factor=2 method=bilinear",
                      "upsample factor=2 method=corners", "resize size=5x7 method=bilinear"):  # fmt: skip
            model = backend.load("pytorch").module(valid_net(f"{text}[up] {layer}\n").graph).to(device)
            with torch.autocast(device, torch.bfloat16):
                y = model(torch.ones(2, 3, 6, 6, device=device))
            narrow = layer in ("upsample factor=2", "resize size=5x7 method=nearest")
            assert y.dtype == (torch.bfloat16 if narrow else torch.float32), layer
            y.float().sum().backward()
            assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("factor", range(1, MAX_FACTOR + 1))
def test_every_factor_repeats_each_pixel_as_often_in_float32(factor: int) -> None:
    row = torch.arange(2**10, dtype=torch.float32)[None, None, None]
    enlarged = F.interpolate(row, scale_factor=(1, factor), mode="nearest")
    assert torch.equal(enlarged, row.repeat_interleave(factor, 3))
