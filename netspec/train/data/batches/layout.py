"""Preparing images directly as blocks of pixels, for networks with the form ``passes.fast.space_to_depth``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from netspec.ir.shape import Shape
from netspec.passes.fast import Unshuffle
from netspec.train.data.batches.buffers import Buffers

Real = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a network reads its images: the shape of the blocks, whether they are stored channels last, and the dtype
    that the network computes in. (On the CPU, images are always float32 and are narrowed by the layer that reads
    them.)"""

    blocks: Unshuffle
    channels_last: bool = False
    dtype: torch.dtype = torch.float32

    def buffer(self, buffers: Buffers, images: int, size: Shape) -> Real:
        """Return memory for the blocks of ``images`` images of a size: (N, C s t, H / s, W / t)."""
        (s, t), (height, width) = self.blocks.stride, self.blocks.size
        shape = (images, size.channels * s * t, height // s, width // t)
        if not self.channels_last:
            return buffers(shape)
        return buffers((shape[0], *shape[2:], shape[1])).transpose(0, 3, 1, 2)

    def canvas(self, size: Shape) -> tuple[Real, Real]:
        """Return an array of zeros, (channels, height, width), that holds an image of a size with its padding, and the
        view of it where the image goes."""
        blocks = self.blocks
        bottom, right = blocks.top + size.height, blocks.left + size.width
        whole = np.zeros((size.channels, max(blocks.size[0], bottom), max(blocks.size[1], right)), np.float32)
        return whole[:, : blocks.size[0], : blocks.size[1]], whole[:, blocks.top : bottom, blocks.left : right]

    def write(self, canvas: Real, out: Real) -> None:
        """Copy a canvas as blocks into one image of a buffer. Pixel (i, j) of a block of channel c becomes channel
        (c s + i) t + j."""
        (s, t), (c, h, w) = self.blocks.stride, canvas.shape
        parts = canvas.reshape(c, h // s, s, w // t, t).transpose(0, 2, 4, 1, 3)
        np.copyto(out.reshape(parts.shape), parts)  # the reshape only splits an axis, so it is a view
