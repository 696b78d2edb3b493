"""The size of stored images, and the positions of the crops used in tests."""

from __future__ import annotations

from netspec.ir.graph import Graph

Place = tuple[int, int]
"""The row and column of a crop's upper left pixel."""


def stored_size(graph: Graph) -> tuple[int, int]:
    """Return the height and width to which images are scaled before the network's input is cropped from them.

    The aspect ratio is that of the input. The shorter side is given by ``augment from=``, and by default is that of the
    input.
    """
    size = graph.input.output
    shorter = min(size.height, size.width)
    resize = graph.augment.resize or shorter
    return round(size.height * resize / shorter), round(size.width * resize / shorter)


def centre_crop(down: int, right: int) -> Place:
    """Return the centre crop of an image that is ``down`` pixels higher and ``right`` pixels wider than the crop."""
    return down // 2, right // 2


def five_crops(down: int, right: int) -> tuple[Place, ...]:
    """Return the four corner crops and the centre crop. Together with their mirror images they are the ten views of
    Krizhevsky et al. (2012), section 4.1. Some or all coincide if the image is hardly larger than the crop."""
    return (0, 0), (0, right), (down, 0), (down, right), centre_crop(down, right)
