"""Run under ``TRITON_INTERPRET=1``: the chain's kernels on the CPU beside the plain chain in float64.

Prints a JSON object: for each case the largest differences of values and of gradients, each as a share of the largest
number. Memory that kernels are to write is filled with numbers that nothing computes.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import torch

from netspec import backend
from netspec.ir.ops import Lrn

backend.load("pytorch")
chain: Any = import_module("netspec.backends.pytorch.fast.chain")

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
    "padding, overhang, a window that is not square": (
        (2, 4, 6, 5), Lrn(5, 1.0, 0.2, 0.75, 1), True, ((2, 3), (2, 1), (1, 1), (1, 1), True)
    ),
    "dilation": ((2, 4, 9, 9), Lrn(5, 1.0, 0.2, 0.75, 2), True, ((3, 2), (1, 2), (1, 0), (2, 3), False)),
    "more channels than a program takes": ((1, 130, 4, 4), Lrn(5, 2.0, 0.1, 0.75, 1), True, SQUARE),
    "thousands of images": ((3000, 2, 3, 3), Lrn(5, 2.0, 0.1, 0.75, 1), True, SQUARE),
}  # fmt: skip


def poisoned(*arguments: Any, **options: Any) -> torch.Tensor:
    """``torch.empty`` with something in it."""
    made = EMPTY(*arguments, **options)
    return made if made.device.type == "meta" else made.fill_(torch.nan if made.is_floating_point() else 77)


def differences(case: tuple[Any, ...], dtype: torch.dtype) -> list[float]:
    """Of values and of gradients."""
    shape, lrn, relu, places = case
    narrow = torch.randn(shape).to(dtype)
    wide = narrow.double().requires_grad_()
    narrow = narrow.requires_grad_()
    wanted = chain.ChainFunction.apply(wide, lrn, relu, places)
    seed = torch.randn_like(wanted)
    wanted.backward(seed)
    found = chain.KernelFunction.apply(narrow, lrn, relu, places)
    assert found.dtype == dtype
    found.backward(seed.to(dtype))
    pairs = ((found.detach(), wanted.detach()), (narrow.grad, wide.grad))
    return [float((a.double() - b).abs().max() / b.abs().max()) for a, b in pairs]


EMPTY = torch.empty
torch.empty = poisoned
torch.manual_seed(torch.seed() % 2**31)
print(
    json.dumps(
        {
            str(dtype).removeprefix("torch."): {name: differences(case, dtype) for name, case in CASES.items()}
            for dtype in (torch.float32, torch.bfloat16)
        }
    )
)
