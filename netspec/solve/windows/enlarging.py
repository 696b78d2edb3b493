"""Fixes for transposed convolutions whose output has another size than the claimed one.

Each proposal solves (size - 1) * stride + extent - pad - pad for one of its terms.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.check import Checked, LayerFacts
from netspec.ir.window import AXES, Pad, TransposedWindow
from netspec.keys.texts import pad as pad_text
from netspec.keys.texts import pair as size_text
from netspec.solve.edits import propose_keys
from netspec.solve.trial import Proposal
from netspec.solve.windows.sizes import target


def proposals(checked: Checked, facts: LayerFacts, window: TransposedWindow) -> Iterator[Proposal]:
    """Propose another pad, stride or kernel with which the output has the claimed size."""
    x = facts.reads[0]
    size = target(facts, window)
    gives = f"gives {size_text(size)}, another function"
    height, width = window.needed_pad("height", x.height, size[0]), window.needed_pad("width", x.width, size[1])
    if (height, width) == (window.pad.top + window.pad.bottom, window.pad.left + window.pad.right):
        return
    yield from _pads(checked, facts, height, width, size)
    stride = _strides(window, (x.height, x.width), size)
    if stride is not None:
        yield propose_keys(checked, facts, {"stride": stride}, gives)
    kernel = _kernel(window, height, width)
    if kernel is not None:
        yield propose_keys(checked, facts, {"kernel": kernel}, gives)


def _pads(checked: Checked, facts: LayerFacts, height: int, width: int, size: tuple[int, int]) -> Iterator[Proposal]:
    """Propose to cut off ``height`` and ``width`` pixels in total. Odd numbers are divided as PyTorch does, which cuts
    off less on the far side (``output_padding``), and as Keras does, which cuts off more there (``same``)."""
    gives = f"gives {size_text(size)}"
    near = Pad(-(-width // 2), width // 2, -(-height // 2), height // 2)
    far = Pad(near.right, near.left, near.bottom, near.top)
    if min(height, width) < 0:  # less than nothing cannot be cut off, and both tools add pixels on the far side
        return
    if near == far:
        yield propose_keys(checked, facts, {"pad": pad_text(near)}, f"{gives}, another function")
        return
    torch = f"padding={max(near)}, output_padding=1"
    yield propose_keys(checked, facts, {"pad": pad_text(near)}, f"{gives} as PyTorch does with {torch}")
    yield propose_keys(checked, facts, {"pad": pad_text(far)}, f"{gives} as Keras does with padding=same")


def _strides(window: TransposedWindow, sides: tuple[int, int], size: tuple[int, int]) -> str | None:
    """The stride of both axes with which the output has this size, if there is one."""
    strides = set()
    for axis, side, output in zip(AXES, sides, size, strict=True):
        extent, _, before, after = window.terms(axis)
        steps, rest = divmod(output - extent + before + after, max(1, side - 1))
        strides.add(steps if rest == 0 and side > 1 else 0)
    (stride,) = strides if len(strides) == 1 else (0,)
    return str(stride) if stride > 0 else None


def _kernel(window: TransposedWindow, height: int, width: int) -> str | None:
    """The side of the square kernel with which the output has the size for which ``height`` and ``width`` pixels would
    have to be cut off, if there is one."""
    sides = (
        window.kernel[0] - height + window.pad.top + window.pad.bottom,
        (window.kernel[1] - width + window.pad.left + window.pad.right),
    )
    plain = window.dilation == (1, 1) and sides[0] == sides[1] > 0
    return str(sides[0]) if plain else None


def without_pad(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose to cut off nothing."""
    yield propose_keys(checked, facts, {"pad": "0"})
