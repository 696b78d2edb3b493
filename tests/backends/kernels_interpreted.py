"""The kernels of chains, and of biases with ReLUs, beside the plain ways in float64: on the CPU under
``TRITON_INTERPRET=1``, or on the device that is the first argument, where there are larger ones too.

Prints a JSON object: for each case the largest differences of values and of gradients, each as a share of the largest
number, all but one of 10,000: of a window's pixels that are equal but for rounding another takes the gradient. Memory
that kernels are to write is filled with numbers that nothing computes.
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
chance: Any = import_module("netspec.backends.pytorch.ops.chance")
rectified: Any = import_module("netspec.backends.pytorch.fast.rectified")
launch_bias: Any = import_module("netspec.backends.pytorch.fast.kernels.launch_bias")
launch_bias._PROGRAMS = 7
launch: Any = import_module("netspec.backends.pytorch.fast.kernels.launch")
launch._PROGRAMS = 7
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
    "neither": ((3, 5, 4, 6), Lrn(3, 2.0, 0.3, 0.75, 1), False, None),
    "padding, overhang, a window that is not square": (
        (2, 4, 6, 5), Lrn(5, 1.0, 0.2, 0.75, 1), True, ((2, 3), (2, 1), (1, 1), (1, 1), True)
    ),
    "dilation": ((2, 4, 9, 9), Lrn(5, 1.0, 0.2, 0.75, 2), True, ((3, 2), (1, 2), (1, 0), (2, 3), False)),
    "more channels than a program takes": ((1, 130, 4, 4), Lrn(5, 2.0, 0.1, 0.75, 1), True, SQUARE),
    "several images a program": ((9, 2, 3, 3), Lrn(5, 2.0, 0.1, 0.75, 1), True, SQUARE),
}  # fmt: skip

if DEVICE != "cpu":
    CASES |= {
        "AlexNet's first": ((130, 96, 55, 55), Lrn(5, 2.0, 1e-4, 0.75, 2), True, SQUARE),
        "AlexNet's second": ((130, 256, 27, 27), Lrn(5, 2.0, 1e-4, 0.75, 2), True, SQUARE),
        "thousands of images": ((3001, 16, 7, 7), Lrn(5, 2.0, 0.1, 0.75, 1), True, SQUARE),
    }

UNBIASED = {"one image", "no pooling", "no ReLU"}

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


def poisoned(made: torch.Tensor) -> torch.Tensor:
    """Memory that was to be empty, with something in it."""
    return made if made.device.type == "meta" else made.fill_(torch.nan if made.is_floating_point() else 77)


def apart(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest difference but for single numbers, as a share of the largest number."""
    found, wanted = found.detach().double(), wanted.detach().double()
    far = (found - wanted).abs().flatten()
    if bool(far.isnan().any()):
        return torch.inf
    return float(far.sort().values[-1 - len(far) // 10_000] / wanted.abs().max()) if wanted.any() else 0.0


def differences(case: tuple[Any, ...], dtype: torch.dtype, *, biased: bool) -> list[float]:
    """Of values and of gradients, of those of the bias too, if there is one."""
    shape, lrn, relu, places = case
    narrow = torch.randn(shape, device=DEVICE).to(dtype)
    wide = narrow.double().requires_grad_()
    narrow = narrow.requires_grad_()
    bias = torch.randn(shape[1], device=DEVICE, requires_grad=True) if biased else None
    wide_bias = bias.detach().double().requires_grad_() if bias is not None else torch.zeros(()).double()
    added = wide + (wide_bias[:, None, None] if biased else 0)
    wanted = chain.ChainFunction.apply(added, lrn, relu, places)
    seed = torch.randn_like(wanted)
    wanted.backward(seed)
    found = chain.KernelFunction.apply(narrow, bias, lrn, relu, places)
    assert found.dtype == dtype
    found.backward(seed.to(dtype))
    pairs = [(found.detach(), wanted.detach()), (narrow.grad, wide.grad)]
    pairs += [(bias.grad, wide_bias.grad)] if bias is not None else []
    return [apart(*pair) for pair in pairs]


def of_bias(shape: tuple[int, ...], layout: str, dtype: torch.dtype) -> list[float]:
    """Of values, of gradients, of those of the bias, and of gradients where the bias has none."""
    x, bias = torch.randn(shape, device=DEVICE).to(dtype), torch.randn(shape[1], device=DEVICE)
    wide, wide_bias = x.double().requires_grad_(), bias.double().requires_grad_()
    narrow, narrow_bias = x.clone().requires_grad_(), bias.clone().requires_grad_()
    wanted = (wide + wide_bias[:, None, None]).relu()
    seed = torch.rand(shape, device=DEVICE).to(dtype)
    wanted.backward(seed.double())
    made = LAYOUTS[layout](narrow * 1)
    found = rectified.BiasReluFunction.apply(made, narrow_bias)
    assert found.dtype == dtype and (layout == "rows of larger maps" or found.data_ptr() == made.data_ptr())
    found.backward(seed)
    (alone,) = torch.autograd.grad(rectified.BiasReluFunction.apply(LAYOUTS[layout](narrow * 1), bias), narrow, seed)
    pairs = ((found, wanted), (narrow.grad, wide.grad), (narrow_bias.grad, wide_bias.grad), (alone, wide.grad))
    return [apart(*pair) for pair in pairs]


DROPPED = {
    "half": ((5, 700), 0.5, "train"), "few": ((3, 4, 5, 7), 0.9, "train"), "scaled later": ((1100, 3), 0.3, "test"),
    "no image": ((0, 6), 0.5, "train"),
}  # fmt: skip


def of_dropout(shape: tuple[int, ...], rate: float, scaling: str, dtype: torch.dtype) -> list[float]:
    """Of values and of gradients, of the third part of a batch and a later share of a layer."""
    layer = dropped.KernelDropout(Dropout(rate, scaling), Shape(*shape[1:])).train()
    layer.name, layer.first_unit = "d", 11
    draw = chance.DeviceDraw.of(layer, torch.device(DEVICE))
    draw.renew(3, 5)
    layer.draw = replace(draw, first_sample=2**20)
    x, seed = (torch.randn(shape, device=DEVICE).to(dtype) for _ in range(2))
    made = []
    for layer.kernels in (frozenset({dtype}), frozenset()):
        given = x.clone().requires_grad_()
        y = layer(given)
        y.backward(seed)
        made.append((y.detach(), given.grad))
    return [apart(*pair) for pair in zip(*made, strict=True)]


EMPTY, LIKE = torch.empty, torch.empty_like
torch.empty = lambda *arguments, **options: poisoned(EMPTY(*arguments, **options))
torch.empty_like = lambda *arguments, **options: poisoned(LIKE(*arguments, **options))
torch.manual_seed(torch.seed() % 2**31)


def found(dtype: torch.dtype) -> dict[str, list[float]]:
    """The differences of every case."""
    biases = {
        f"bias: {name}, {layout}": of_bias(shape, layout, dtype) for name, shape in MAPS.items() for layout in LAYOUTS
    }
    chains = {name: differences(case, dtype, biased=name not in UNBIASED) for name, case in CASES.items()}
    dropouts = {f"dropout: {name}": of_dropout(*case, dtype) for name, case in DROPPED.items()}
    return {**chains, **biases, **dropouts}


print(json.dumps({str(dtype).removeprefix("torch."): found(dtype) for dtype in (torch.float32, torch.bfloat16)}))
