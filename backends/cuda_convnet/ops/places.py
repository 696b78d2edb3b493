"""The positions of windows: match the spec's output sizes with cuda-convnet's arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.window import Window

from ..site import Site


@dataclass(frozen=True, slots=True)
class Place:
    """A convolution's ``padding``, and whether version 2 needs an explicit, larger number of windows (``modulesX``)."""

    padding: int
    more_windows: bool = False


def convolution(site: Site, window: Window, side: int, places: int, index: int) -> Place:
    """Return the padding that gives ``places`` windows along an axis of ``side`` pixels.

    Raises ``Inexpressible`` if cuda-convnet would compute another number of windows.
    """
    before, kernel, stride = _equal_sides(site, window)
    if window.dilation != (1, 1):
        raise site.cannot_say("cuda-convnet has no dilation", "dilation", instead=("dilation=1",))
    if before < 0:
        raise site.cannot_say("cuda-convnet's padding is not negative", "pad")
    spare = 2 * before + side - kernel
    usual = 1 - (-spare // stride)
    if places == usual:
        return Place(before)
    if not site.draft.old and places > usual:
        return Place(before, more_windows=True)
    raise _other_places(site, f"1 + ceil((2 * {before} + {side} - {kernel}) / {stride})", usual, places)


def pooling(site: Site, window: Window, side: int, places: int) -> dict[str, str]:
    """Return ``start`` and ``outputsX``, each if it differs from cuda-convnet's default."""
    before, kernel, stride = _equal_sides(site, window)
    usual = 1 - (-(side + before - kernel) // stride)
    keys = {"start": str(-before)} if before else {}
    return keys | ({"outputsX": str(places)} if places != usual else {})


def _equal_sides(site: Site, window: Window) -> tuple[int, int, int]:
    """Return left padding, kernel and stride. Raises ``Inexpressible`` if they differ between the two axes."""
    for key, (rows, columns) in {"kernel": window.kernel, "stride": window.stride}.items():
        if rows != columns:
            message = f"cuda-convnet's windows are square, and its {key} is {rows}x{columns}"
            raise site.cannot_say(message, key)
    if window.pad.left != window.pad.top:
        raise site.cannot_say("cuda-convnet pads left and above alike", "pad")
    return window.pad.left, window.kernel[0], window.stride[0]


def _other_places(site: Site, arithmetic: str, usual: int, places: int) -> Exception:
    instead = [f"rounding=up, for {usual}"] if places < usual else ["--dialect v2, which can be told of more"]
    message = f"cuda-convnet's windows have {usual} places by axis, and it has {places}"
    note = f"{arithmetic} = {usual}; zeros stand where the last window overhangs"
    return site.cannot_say(message, "rounding", "pad", "kernel", notes=(note,), instead=tuple(instead))
