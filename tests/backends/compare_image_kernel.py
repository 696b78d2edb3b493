"""Compare the kernel that prepares images with the plain preparation, on the CPU.

Run under ``TRITON_INTERPRET=1``. Prints a JSON object with the largest error of each case, relative for numbers above 1
and absolute for others. Memory that the kernel must fill is poisoned beforehand.
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
from netspec.train.data.splits import Frame

WINDOWS = {
    "whole blocks and overhang": Window((11, 11), (4, 4), rounding="up"),
    "padding, rectangular window": Window((3, 4), (2, 3), Pad(2, 0, 1, 2), rounding="down"),
    "last pixels unread": Window((5, 5), (3, 3), rounding="down"),
}
PREPROCESSING = {
    "mean image": Preprocessing(255, "image", "rgb"),
    "mean and deviation of channels, BGR": Preprocessing(1, "channel", "bgr", "channel"),
    "none": Preprocessing(255, "none", "rgb"),
}
FRAME, SIZE = Frame(3, 29, 31), Shape(3, 23, 25)


def poisoned_empty(*arguments: Any, **options: Any) -> torch.Tensor:
    """``torch.empty``, filled with a number that nothing computes."""
    return EMPTY(*arguments, **options).fill_(77)


def error(window: Window, preprocessing: Preprocessing, layout: tuple[bool, torch.dtype], colour: float) -> float:
    """Return the largest error of some images that are cropped and mirrored at random and arranged in blocks."""
    form = unshuffle(Conv(8, window), SIZE)
    assert form is not None
    images = np.random.default_rng(0).integers(256, size=(5, 3, FRAME.height, FRAME.width), dtype=np.uint8)
    prepare = Preparation(preprocessing, statistics(Moments.from_pixels(images)), FRAME, SIZE, 255, torch.device("cpu"))
    choices = choose(3, 1, np.arange(5), FRAME, SIZE, Augment(flip="horizontal", colour=colour))
    assert choices.mirror.any() and not choices.mirror.all()
    expected = pytorch.blocks(prepare(images, choices), form).to(layout[1])
    actual = prepare._by_kernel(torch.from_numpy(images), choices, Layout(form, *layout))
    assert actual.is_contiguous(memory_format=torch.channels_last if layout[0] else torch.contiguous_format)
    return float(((actual.float() - expected.float()) / expected.float().abs().clamp(min=1)).abs().max())


pytorch = backend.load("pytorch")
EMPTY = torch.empty
torch.empty = poisoned_empty
layouts = {"float32": (False, torch.float32), "bfloat16, channels last": (True, torch.bfloat16)}
print(
    json.dumps(
        {
            f"{window}; {preprocessing}; {layout}; colours shifted by {colour}": error(
                WINDOWS[window], PREPROCESSING[preprocessing], layouts[layout], colour
            )
            for window, preprocessing, layout, colour in product(WINDOWS, PREPROCESSING, layouts, (0.0, 0.1))
        }
    )
)
