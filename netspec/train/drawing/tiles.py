"""Arranging small images (tiles) in blocks: each tile is magnified, and the blocks are stacked vertically."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netspec.formatting import format_count
from netspec.train.errors import TrainError

Tiles = NDArray[np.uint8]
"""Images of one size: (N, height, width) grey, or (N, height, width, 3) RGB."""

WIDTH, HEIGHT = 1600, 2400
"""The size in pixels up to which the tiles are magnified, by an integer factor."""

MAX_MAGNIFICATION = 32
"""The maximum magnification."""

MAX_PIXELS = 64_000_000
PAPER = 255
BETWEEN_TILES, BETWEEN_BLOCKS = 2, 18
"""Gaps in pixels."""


def own_range(values: NDArray[np.float32], axes: tuple[int, ...]) -> Tiles:
    """Convert values to brightness, 0 to 255, with the minimum of each tile black and its maximum white.

    ``axes`` are those of one tile. A tile with a single value everywhere becomes mid-grey.
    """
    low, high = values.min(axes, keepdims=True), values.max(axes, keepdims=True)
    flat = high <= low
    scaled = (values - low) / np.where(flat, 1, high - low)
    shades: Tiles = np.rint(255 * np.where(flat, 0.5, scaled)).astype(np.uint8)
    return shades


def from_zero(values: NDArray[np.float32]) -> Tiles:
    """Convert values to brightness, with zero and less black and the maximum of each tile white. The first axis is that
    of tiles."""
    high = values.max((1, 2), keepdims=True)
    scaled = values.clip(min=0) / np.where(high > 0, high, 1)
    shades: Tiles = np.rint(255 * scaled).astype(np.uint8)
    return shades


def across(number: int) -> int:
    """Return the number of tiles in a row of a block: at most 16, with the rows filled as evenly as possible.

    >>> across(48), across(6), across(20)
    (16, 6, 10)
    """
    rows = -(-number // 16)
    return -(-number // rows)


def sheet(blocks: Sequence[Tiles], columns: int) -> Image.Image:
    """Draw the blocks below each other on white, with ``columns`` tiles in a row.

    Raises
    ------
    TrainError
        The image would have more than ``MAX_PIXELS`` pixels.
    """
    height, width = blocks[0].shape[1:3]
    rows = [-(-len(block) // columns) for block in blocks]
    factor = max(1, min(MAX_MAGNIFICATION, WIDTH // (columns * width), HEIGHT // (sum(rows) * height)))
    step_down, step_right = height * factor + BETWEEN_TILES, width * factor + BETWEEN_TILES
    sheet_width = columns * step_right + BETWEEN_TILES
    block_heights = [row_count * step_down + BETWEEN_TILES for row_count in rows]
    sheet_height = sum(block_heights) + BETWEEN_BLOCKS * (len(blocks) - 1)
    if sheet_width * sheet_height > MAX_PIXELS:
        raise TrainError(
            f"the image would be {format_count(sheet_width)} x {format_count(sheet_height)} pixels: too large",
            "name another layer",
        )
    colours = blocks[0].shape[3:]
    canvas = np.full((sheet_height, sheet_width, *colours), PAPER, np.uint8)
    top = BETWEEN_TILES
    for block, row_count in zip(blocks, rows, strict=True):
        magnified = block.repeat(factor, axis=1).repeat(factor, axis=2)
        for place, tile in enumerate(magnified):
            y, x = top + place // columns * step_down, BETWEEN_TILES + place % columns * step_right
            canvas[y : y + height * factor, x : x + width * factor] = tile
        top += row_count * step_down + BETWEEN_TILES + BETWEEN_BLOCKS
    return Image.fromarray(canvas)
