"""The size at which pictures are kept, and where the crops lie that one is tested by."""

from __future__ import annotations

from netspec.ir.graph import Graph

Place = tuple[int, int]
"""The row and the column of a crop's upper left pixel."""


def stored_size(graph: Graph) -> tuple[int, int]:
    """The rows and columns to which images are scaled before the network's input is cropped from them: the input's
    proportions, with the shorter side that ``augment from=`` says, or the input's own."""
    size = graph.input.output
    shorter = min(size.height, size.width)
    resize = graph.augment.resize or shorter
    return round(size.height * resize / shorter), round(size.width * resize / shorter)


def centre_crop(down: int, right: int) -> Place:
    """The crop in the middle of a picture that is ``down`` pixels higher and ``right`` pixels wider than the crop."""
    return down // 2, right // 2


def five_crops(down: int, right: int) -> tuple[Place, ...]:
    """The four corner crops and the centre one, which with their mirror images are the ten views of Krizhevsky et al.
    (2012), section 4.1. Some or all coincide where the picture leaves no room between them."""
    return (0, 0), (0, right), (down, 0), (down, right), centre_crop(down, right)
