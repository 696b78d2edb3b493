"""Other kernels and strides of a layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netspec.check import Checked, LayerFacts
from netspec.ir.window import Window
from netspec.keys.texts import pair as size_text
from netspec.solve.edits import propose_keys
from netspec.solve.trial import Proposal
from netspec.solve.windows.sizes import output_text, size_of, target


def tiling(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose a square kernel of another size with which the window tiles."""
    x = facts.reads[0]
    rows, columns = target(facts, window)
    if window.dilation != (1, 1) or "kernel" not in facts.pairs:
        return
    height = window.stride[0] * (1 - rows) + x.height + window.pad.top + window.pad.bottom
    width = window.stride[1] * (1 - columns) + x.width + window.pad.left + window.pad.right
    if height == width and height > 0 and (height, width) != window.kernel:
        gives = f"gives {size_text((rows, columns))} exactly, another function"
        yield propose_keys(checked, facts, {"kernel": str(height)}, gives)


def unit_stride(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose a stride of 1 for a layer that gives none and whose type uses the kernel's size instead."""
    if "stride" not in facts.pairs and window.stride != (1, 1):
        size = output_text(replace(window, stride=(1, 1)), facts.reads[0])
        if size:
            yield propose_keys(checked, facts, {"stride": "1"}, f"gives {size} exactly, another function")


def size_keeping_stride(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose a stride of 1 for a layer that is claimed to be as large as what it reads, if it then is."""
    x, claimed = facts.reads[0], facts.stated.shape
    if claimed is None or claimed[1:] != x[1:] or window.stride == (1, 1):
        return
    size = size_of(x)
    if output_text(replace(window, stride=(1, 1)), x) == size:
        yield propose_keys(checked, facts, {"stride": "1"}, f"keeps {size}, another function")
