"""Launch the kernel that preprocesses images."""

from __future__ import annotations

import torch
import triton
from torch import Tensor

from netspec.passes.fast import Unshuffle

from .images import prepare

_TILE = 1024
"""Elements that a program writes."""


def image_blocks(
    pixels: Tensor,
    size: tuple[int, int],
    how: Unshuffle,
    *,
    corners: tuple[Tensor, Tensor],
    mirrored: Tensor,
    shift: Tensor | None,
    mean: Tensor,
    std: Tensor | None,
    scale: float,
    reverse: bool,
    channels_last: bool,
    dtype: torch.dtype,
) -> Tensor:
    """Return the blocks of crops of stored images, N,C s t,H/s,W/t.

    Parameters
    ----------
    pixels:
        Stored images, N,C,H,W, as bytes.
    size:
        Rows and columns of a crop.
    how:
        The size of the blocks, and of the padded image.
    corners, mirrored:
        Rows and columns of the crops' upper left corners, N each, int32; whether each crop is mirrored, N bytes.
    shift:
        Added to each channel of each image, N,C.
    mean, std:
        The mean, subtracted per channel or per pixel of the stored image; the deviation, divided by per channel.
    scale:
        Multiplies the bytes first.
    reverse:
        Whether to reverse the order of the channels.
    """
    n, c, h, w = pixels.shape
    (s, t), rows, columns = how.stride, how.size[0] // how.stride[0], how.size[1] // how.stride[1]
    result = torch.empty(
        (n, c * s * t, rows, columns),
        dtype=dtype,
        device=pixels.device,
        memory_format=torch.channels_last if channels_last else torch.contiguous_format,
    )
    programs = triton.cdiv(result[0].numel(), _TILE) if n else 0
    if not programs:
        return result
    with torch.cuda.device_of(pixels):  # type: ignore[no-untyped-call]
        prepare[(n * programs,)](
            pixels.contiguous(), result, *corners, mirrored, shift if shift is not None else mean, mean,
            std if std is not None else mean, scale,
            C=c, H=size[0], W=size[1], FH=h, FW=w, S=s, T=t, TOP=how.top, LEFT=how.left, ROWS=rows, COLUMNS=columns,
            LAST=channels_last, WHOLE=mean.shape[1:] != (1, 1), REVERSE=reverse, SHIFTS=shift is not None,
            DIVIDES=std is not None, PROGRAMS=programs, NUMBERS=_TILE, enable_fp_fusion=False,
        )  # fmt: skip
    return result
