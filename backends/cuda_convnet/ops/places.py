"""Where windows stand: cuda-convnet's arithmetic, against the spec's."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.window import Window

from ..site import Site


@dataclass(frozen=True, slots=True)
class Place:
    """A convolution's ``padding``, and whether version 2 has to be told that there are more windows than usual."""

    padding: int
    more_windows: bool = False


def convolution(site: Site, window: Window, side: int, places: int, index: int) -> Place:
    """The padding with which the original has the spec's windows. Raises ``Inexpressible`` where it has others."""
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
    """``start`` and ``outputsX`` of the spec's windows, where they are not the usual ones."""
    before, kernel, stride = _equal_sides(site, window)
    usual = 1 - (-(side + before - kernel) // stride)
    keys = {"start": str(-before)} if before else {}
    return keys | ({"outputsX": str(places)} if places != usual else {})


def _equal_sides(site: Site, window: Window) -> tuple[int, int, int]:
    """Padding before, kernel and stride, which the original has alike in both directions."""
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
