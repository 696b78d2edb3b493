"""Run under ``TRITON_INTERPRET=1``: the kernel that prepares pictures, on the CPU, beside what is done without it.

Prints a JSON object: for each case the largest difference between the kernel's blocks and those of plain images, as a
share of the number where that is above 1. Memory that the kernel is to write is filled with numbers that nothing
computes.
"""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import numpy as np
import torch

from netspec import backend
from netspec.ir.ops import Conv
from netspec.ir.settings import Augment, Preprocessing
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window
from netspec.passes.fast.space_to_depth import unshuffle
from netspec.train.data.batches.augment import choose
from netspec.train.data.batches.layout import Layout
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.moments import Moments, statistics
from netspec.train.data.picture import Frame

WINDOWS = {
    "whole blocks and overhang": Window((11, 11), (4, 4), rounding="up"),
    "padding, not square": Window((3, 4), (2, 3), Pad(2, 0, 1, 2), rounding="down"),
    "does not reach the end": Window((5, 5), (3, 3), rounding="down"),
}
NUMBERS = {
    "mean image": Preprocessing(255, "image", "rgb"),
    "mean of channels, reversed, divided": Preprocessing(1, "channel", "bgr", "channel"),
    "none": Preprocessing(255, "none", "rgb"),
}
FRAME, SIZE = Frame(3, 29, 31), Shape(3, 23, 25)


def poisoned(*arguments: Any, **options: Any) -> torch.Tensor:
    """``torch.empty`` with something in it."""
    return EMPTY(*arguments, **options).fill_(77)


def difference(window: Window, numbers: Preprocessing, layout: tuple[bool, torch.dtype], colour: float) -> float:
    """Of the blocks of some pictures that are cropped and mirrored by chance."""
    how = unshuffle(Conv(8, window), SIZE)
    assert how is not None
    pictures = np.random.default_rng(0).integers(256, size=(5, 3, FRAME.height, FRAME.width), dtype=np.uint8)
    prepare = Preparation(numbers, statistics(Moments.of(pictures)), FRAME, SIZE, 255, torch.device("cpu"))
    choices = choose(3, 1, np.arange(5), FRAME, SIZE, Augment(flip="horizontal", colour=colour))
    assert choices.mirror.any() and not choices.mirror.all()
    wanted = pytorch.blocks(prepare(pictures, choices), how).to(layout[1])
    found = prepare._by_kernel(torch.from_numpy(pictures), choices, Layout(how, *layout))
    assert found.is_contiguous(memory_format=torch.channels_last if layout[0] else torch.contiguous_format)
    return float(((found.float() - wanted.float()) / wanted.float().abs().clamp(min=1)).abs().max())


pytorch = backend.load("pytorch")
EMPTY = torch.empty
torch.empty = poisoned
layouts = {"float32": (False, torch.float32), "bfloat16, channels last": (True, torch.bfloat16)}
print(
    json.dumps(
        {
            f"{window}; {numbers}; {layout}; colours shifted by {colour}": difference(
                WINDOWS[window], NUMBERS[numbers], layouts[layout], colour
            )
            for window, numbers, layout, colour in product(WINDOWS, NUMBERS, layouts, (0.0, 0.1))
        }
    )
)
