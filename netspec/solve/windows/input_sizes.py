"""Other sizes of the network's input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netspec.check import Checked, LayerFacts
from netspec.ir.shape import Shape
from netspec.ir.window import Window
from netspec.keys.texts import pair as size_text
from netspec.solve.edits import set_crop, set_input
from netspec.solve.trial import Proposal
from netspec.solve.windows.sizes import layer_window, target

FARTHEST_SIZE = 32
"""The largest difference, in pixels, between the input size and those that the search tries."""


def proposals(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose other sizes of the network's input: the one that the window needs if it reads the input directly, or else
    all sizes nearby, the nearest first."""
    source = checked.input
    if source is None or source.computed is None or not source.computed.is_image or len(source.section.values) < 2:
        return
    shape = source.computed
    if facts.inputs and checked.layers[facts.inputs[0]] is source:
        rows, columns = target(facts, window)
        height, width = window.needed_size("height", rows), window.needed_size("width", columns)
        if height is None or width is None:
            return
        needed = Shape(shape.channels, height, width)
        if needed != shape and min(needed) > 0:
            yield _input(checked, source, needed, f"gives {size_text((rows, columns))} exactly")
        return
    yield from _far_input_size(checked, source, facts, window)
    for distance in range(1, FARTHEST_SIZE + 1):
        for change in (distance, -distance):
            other = Shape(shape.channels, shape.height + change, shape.width + change)
            if min(other) > 0:
                yield replace(_input(checked, source, other), nearby_size=True)


def _far_input_size(checked: Checked, source: LayerFacts, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose the input size with which all windows above tile and this one gives what is claimed.

    Yields nothing if this size is within ``FARTHEST_SIZE`` of the stated one, because those are tried one by one.
    """
    assert source.computed is not None
    rows, columns = size = target(facts, window)
    upstream: LayerFacts = facts
    while facts.stated.shape is not None and upstream is not source:
        above = layer_window(upstream)
        if above is not None:
            height, width = above.needed_size("height", size[0]), above.needed_size("width", size[1])
            if height is None or width is None:
                return
            size = height, width
        elif upstream.computed is None or not upstream.inputs or upstream.computed[1:] != upstream.reads[0][1:]:
            return
        upstream = checked.layers[upstream.inputs[0]]
    needed = Shape(source.computed.channels, *size)
    if max(abs(a - b) for a, b in zip(needed, source.computed, strict=True)) > FARTHEST_SIZE and min(needed) > 0:
        yield _input(checked, source, needed, f"gives {size_text((rows, columns))} exactly")


def _input(checked: Checked, source: LayerFacts, shape: Shape, gives: str = "") -> Proposal:
    crop = f", crop={shape.height}" if checked.settings.augment.crop else ""
    edits = (*set_input(checked, source, shape), *set_crop(checked, shape.height))
    return Proposal(f"input {shape}{crop}", edits, gives)
