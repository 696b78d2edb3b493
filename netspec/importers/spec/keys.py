"""Keys of convolutions and poolings, and of what takes a part of a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netspec.ir.fault import Fault
from netspec.ir.shape import Shape
from netspec.ir.window import Rounding, Window
from netspec.keys.texts import pad as pad_text
from netspec.keys.texts import pair


class UnfitError(Exception):
    """No rounding gives a window's output its size. The message is the reason; empty if other sizes result."""


def convolution_keys(filters: int, window: Window, groups: int) -> dict[str, str]:
    """Return the keys of a convolution, plain or transposed, without its rounding."""
    grouped = {"groups": str(groups)} if groups != 1 else {}
    return {"filters": str(filters), **_window_keys(window, usual_stride=(1, 1)), **grouped}


def pooling_keys(window: Window) -> dict[str, str]:
    """Return the keys of a pooling, whose stride is by default that of the kernel, without its rounding."""
    return _window_keys(window, usual_stride=window.kernel)


def _window_keys(window: Window, usual_stride: tuple[int, int]) -> dict[str, str]:
    """Return the keys of a window. A stride of ``usual_stride`` need not be stated."""
    keys = {"kernel": pair(window.kernel)}
    if window.stride != usual_stride:
        keys["stride"] = pair(window.stride)
    if any(window.pad):
        keys["pad"] = pad_text(window.pad)
    if window.dilation != (1, 1):
        keys["dilation"] = pair(window.dilation)
    return keys


def rounding_keys(window: Window, x: Shape, output: Shape, roundings: Sequence[Rounding]) -> dict[str, str]:
    """Return the first rounding with which a window over ``x`` has the size of ``output``, as keys: none for ``exact``.

    A convolution's windows may lie in the padding alone if necessary: they read zeros, and give the bias. Raises
    ``UnfitError`` if there is no such rounding.
    """
    reason = ""
    for rounding in roundings:
        for outside in (False, True) if window.kind == "conv" else (False,):
            try:
                rows, columns = replace(window, rounding=rounding, outside=outside).fit(x.height, x.width)
            except Fault as fault:
                reason = fault.notes[0]
                continue
            if (rows.output, columns.output) == (output.height, output.width):
                stated = {} if rounding == "exact" else {"rounding": rounding}
                return stated | ({"outside": "bias"} if outside else {})
    raise UnfitError(reason)


def slice_keys(first: int, count: int) -> dict[str, str]:
    """Return the keys of ``slice`` for this many channels from a first one on."""
    return {"channels": str(count), **({"first": str(first)} if first else {})}


def crop_keys(top: int, left: int, height: int, width: int) -> dict[str, str]:
    """Return the keys of ``crop`` for a rectangle."""
    corner = {key: str(number) for key, number in (("top", top), ("left", left)) if number}
    return {"size": pair((height, width)), **corner}
