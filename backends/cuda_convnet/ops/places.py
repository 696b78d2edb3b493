"""The positions of windows: match the spec's output sizes with cuda-convnet's arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.window import Window

from ..site import Site


@dataclass(frozen=True, slots=True)
class Place:
    """A convolution's ``padding``, and whether version 2 needs an explicit number of windows (``modulesX``)."""

    padding: int
    explicit: bool = False


def convolution_place(site: Site, window: Window, side: int, windows: int) -> Place:
    """Return the padding that gives so many ``windows`` along an axis of ``side`` pixels.

    Raises ``Inexpressible`` if cuda-convnet would compute another number of windows.
    """
    before, kernel, stride = _symmetric_window(site, window)
    if window.dilation != (1, 1):
        raise site.error("cuda-convnet has no dilation", "dilation", instead=("dilation=1",))
    spare = 2 * before + side - kernel
    default = 1 - (-spare // stride)
    if windows == default:
        return Place(before)
    covers = stride * (windows - 1) + kernel - before >= side
    if covers and not site.draft.old:
        return Place(before, explicit=True)
    instead = ["--dialect v2, which can have another number"] if covers else []
    instead += [f"rounding=up, for {default}"] if windows < default else []
    message = f"cuda-convnet has {default} windows along an axis, and this layer has {windows}"
    note = f"1 + ceil((2 * {before} + {side} - {kernel}) / {stride}) = {default}; the last window overhangs into zeros"
    raise site.error(message, "rounding", "pad", "kernel", notes=(note,), instead=tuple(instead))


def pooling_keys(site: Site, window: Window, side: int, windows: int) -> dict[str, str]:
    """Return ``start`` and ``outputsX``, each if it differs from cuda-convnet's default."""
    before, kernel, stride = _symmetric_window(site, window)
    default = 1 - (-(side + before - kernel) // stride)
    keys = {"start": str(-before)} if before else {}
    return keys | ({"outputsX": str(windows)} if windows != default else {})


def _symmetric_window(site: Site, window: Window) -> tuple[int, int, int]:
    """Return left padding, kernel and stride. Raises ``Inexpressible`` if they differ between the two axes."""
    for key, (rows, columns) in {"kernel": window.kernel, "stride": window.stride}.items():
        if rows != columns:
            message = f"cuda-convnet's windows are square, and its {key} is {rows}x{columns}"
            raise site.error(message, key)
    if window.pad.left != window.pad.top:
        raise site.error("cuda-convnet pads left and above alike", "pad")
    return window.pad.left, window.kernel[0], window.stride[0]
