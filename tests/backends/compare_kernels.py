"""Compare the Triton kernels of LRN chains, biases with ReLUs, and dropout with plain computations in float64.

Runs on the CPU under ``TRITON_INTERPRET=1``, or on the device given as the first argument, with additional larger
cases. Prints a JSON object with the relative errors of values and gradients for each case. One number in 10,000 is left
out, because if pixels of a window are equal up to rounding, either may get the gradient. Memory that the kernels must
fill is poisoned beforehand.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib import import_module
from typing import Any

import torch

from netspec import backend
from netspec.ir.ops import Dropout, Lrn
from netspec.ir.shape import Shape

backend.load("pytorch")
chain: Any = import_module("netspec.backends.pytorch.fast.chain")
dropped: Any = import_module("netspec.backends.pytorch.fast.dropped")
counter_rng: Any = import_module("netspec.backends.pytorch.ops.counter_rng")
rectified: Any = import_module("netspec.backends.pytorch.fast.rectified")
launch_bias: Any = import_module("netspec.backends.pytorch.fast.kernels.launch_bias")
launch_bias._PROGRAMS = 7
launch_lrn_chain: Any = import_module("netspec.backends.pytorch.fast.kernels.launch_lrn_chain")
launch_lrn_chain._PROGRAMS = 7
DEVICE = sys.argv[1] if len(sys.argv) > 1 else "cpu"

SQUARE = ((3, 3), (2, 2), (0, 0), (1, 1), False)
CASES = {
    "as in AlexNet, small": ((2, 6, 7, 9), Lrn(5, 2.0, 0.1, 0.75, 2), True, SQUARE),
    "one image": ((1, 7, 5, 5), Lrn(5, 2.0, 0.1, 0.75, 1), True, SQUARE),
    "one channel a group": ((2, 3, 5, 7), Lrn(3, 2.0, 0.1, 0.75, 3), True, SQUARE),
    "an even window": ((1, 7, 6, 5), Lrn(4, 1.0, 0.3, 0.5, 1), True, SQUARE),
    "a window over all channels and more": ((2, 5, 5, 5), Lrn(15, 1.0, 0.3, 0.75, 1), True, SQUARE),
    "another power": ((2, 5, 5, 5), Lrn(3, 1.5, 0.3, 0.9, 1), True, SQUARE),
    "no ReLU": ((3, 5, 4, 6), Lrn(2, 1.5, 0.3, 0.75, 1), False, SQUARE),
    "no pooling": ((2, 12, 3, 3), Lrn(3, 2.0, 0.2, 0.75, 3), True, None),
    "no ReLU, no pooling": ((3, 5, 4, 6), Lrn(3, 2.0, 0.3, 0.75, 1), False, None),
    "padding, overhang, a rectangular window": (
        (2, 4, 6, 5), Lrn(5, 1.0, 0.2, 0.75, 1), True, ((2, 3), (2, 1), (1, 1), (1, 1), True)
    ),
    "dilation": ((2, 4, 9, 9), Lrn(5, 1.0, 0.2, 0.75, 2), True, ((3, 2), (1, 2), (1, 0), (2, 3), False)),
    "more channels than a program takes": ((1, 130, 4, 4), Lrn(5, 2.0, 0.1, 0.75, 1), True, SQUARE),
    "several images a program": ((9, 2, 3, 3), Lrn(5, 2.0, 0.1, 0.75, 1), True, SQUARE),
}  # fmt: skip

if DEVICE != "cpu":
    CASES |= {
        "AlexNet's first chain": ((130, 96, 55, 55), Lrn(5, 2.0, 1e-4, 0.75, 2), True, SQUARE),
        "AlexNet's second chain": ((130, 256, 27, 27), Lrn(5, 2.0, 1e-4, 0.75, 2), True, SQUARE),
        "thousands of images": ((3001, 16, 7, 7), Lrn(5, 2.0, 0.1, 0.75, 1), True, SQUARE),
    }

UNBIASED = {"one image", "no pooling", "no ReLU"}
"""The cases in which the chain does not add a bias."""

MAPS = {
    "odd sizes": (3, 7, 5, 9),
    "one image": (1, 5, 3, 3),
    "one pixel": (6, 10, 1, 1),
    "one channel": (2, 1, 9, 9),
    "more channels than a program takes": (1, 130, 2, 3),
    "several tiles a program": (31, 3, 30, 30),
    "thousands of images": (3000, 2, 3, 3),
    "no image": (0, 3, 4, 4),
}
LAYOUTS = {
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "channels first": lambda x: x.contiguous(),
    "rows of larger maps": lambda x: torch.cat([x, x], 2)[:, :, : x.shape[2]],
}


def poison(memory: torch.Tensor) -> torch.Tensor:
    """Fill uninitialised memory with numbers that no kernel computes."""
    return memory if memory.device.type == "meta" else memory.fill_(torch.nan if memory.is_floating_point() else 77)


def error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the largest difference, leaving out one number in 10,000, as a share of the largest number unless that is
    0."""
    actual, expected = actual.detach().double(), expected.detach().double()
    differences = (actual - expected).abs().flatten()
    if bool(differences.isnan().any()):
        return torch.inf
    if not len(differences):
        return 0.0
    difference = float(differences.sort().values[-1 - len(differences) // 10_000])
    largest = float(expected.abs().max())
    return difference / largest if largest else difference


def chain_errors(case: tuple[Any, ...], dtype: torch.dtype, *, biased: bool) -> list[float]:
    """Return the errors of a chain's values, of its gradients, and of the bias's gradients if there is one."""
    shape, lrn, relu, pool = case
    narrow = torch.randn(shape, device=DEVICE).to(dtype)
    wide = narrow.double().requires_grad_()
    narrow = narrow.requires_grad_()
    bias = torch.randn(shape[1], device=DEVICE, requires_grad=True) if biased else None
    wide_bias = bias.detach().double().requires_grad_() if bias is not None else torch.zeros(()).double()
    sums = wide + (wide_bias[:, None, None] if biased else 0)
    expected = chain.ChainFunction.apply(sums, lrn, relu, pool)
    seed = torch.randn_like(expected)
    expected.backward(seed)
    actual = chain.KernelFunction.apply(narrow, bias, lrn, relu, pool)
    assert actual.dtype == dtype
    actual.backward(seed.to(dtype))
    pairs = [(actual.detach(), expected.detach()), (narrow.grad, wide.grad)]
    pairs += [(bias.grad, wide_bias.grad)] if bias is not None else []
    return [error(*pair) for pair in pairs]


def bias_errors(shape: tuple[int, ...], layout: str, dtype: torch.dtype) -> list[float]:
    """Return the errors of values, of gradients, of the bias's gradients, and of gradients if the bias needs none."""
    x, bias = torch.randn(shape, device=DEVICE).to(dtype), torch.randn(shape[1], device=DEVICE)
    wide, wide_bias = x.double().requires_grad_(), bias.double().requires_grad_()
    narrow, narrow_bias = x.clone().requires_grad_(), bias.clone().requires_grad_()
    expected = (wide + wide_bias[:, None, None]).relu()
    seed = torch.rand(shape, device=DEVICE).to(dtype)
    expected.backward(seed.double())
    maps = LAYOUTS[layout](narrow * 1)
    actual = rectified.BiasReluFunction.apply(maps, narrow_bias)
    assert actual.dtype == dtype and (layout == "rows of larger maps" or actual.data_ptr() == maps.data_ptr())
    actual.backward(seed)
    without_bias = rectified.BiasReluFunction.apply(LAYOUTS[layout](narrow * 1), bias)
    (alone,) = torch.autograd.grad(without_bias, narrow, seed)
    pairs = ((actual, expected), (narrow.grad, wide.grad), (narrow_bias.grad, wide_bias.grad), (alone, wide.grad))
    return [error(*pair) for pair in pairs]


DROPPED = {
    "half": ((5, 700), 0.5, "train"), "few": ((3, 4, 5, 7), 0.9, "train"), "scaled at test": ((1100, 3), 0.3, "test"),
    "no image": ((0, 6), 0.5, "train"),
}  # fmt: skip


def dropout_errors(shape: tuple[int, ...], rate: float, scaling: str, dtype: torch.dtype) -> list[float]:
    """Return the errors of values and gradients, for images and units that do not begin at number 0."""
    layer = dropped.KernelDropout(Dropout(rate, scaling), Shape(*shape[1:])).train()
    layer.name, layer.first_unit = "d", 11
    state = counter_rng.DeviceRandomState.for_model(layer, torch.device(DEVICE))
    state.renew(3, 5)
    layer.random_state = replace(state, first_sample=2**20)
    x, seed = (torch.randn(shape, device=DEVICE).to(dtype) for _ in range(2))
    results = []
    for layer.kernels in (frozenset({dtype}), frozenset()):
        x = x.detach().clone().requires_grad_()
        y = layer(x)
        y.backward(seed)
        results.append((y.detach(), x.grad))
    return [error(*pair) for pair in zip(*results, strict=True)]


EMPTY, LIKE = torch.empty, torch.empty_like
torch.empty = lambda *arguments, **options: poison(EMPTY(*arguments, **options))
torch.empty_like = lambda *arguments, **options: poison(LIKE(*arguments, **options))
torch.manual_seed(torch.seed() % 2**31)


def all_errors(dtype: torch.dtype) -> dict[str, list[float]]:
    """Return the errors of every case."""
    chains = {name: chain_errors(case, dtype, biased=name not in UNBIASED) for name, case in CASES.items()}
    biases = {
        f"bias: {name}, {layout}": bias_errors(shape, layout, dtype)
        for name, shape in MAPS.items()
        for layout in LAYOUTS
    }
    dropouts = {f"dropout: {name}": dropout_errors(*case, dtype) for name, case in DROPPED.items()}
    return {**chains, **biases, **dropouts}


print(json.dumps({str(dtype).removeprefix("torch."): all_errors(dtype) for dtype in (torch.float32, torch.bfloat16)}))
