"""Which views of an image a network can be tested with."""

from __future__ import annotations

from netspec.ir.graph import Graph
from netspec.ir.settings import Views


def unfit_views(views: Views, graph: Graph) -> tuple[str, str] | None:
    """Return why a network cannot be tested with these views, and which ones it can be tested with; ``None`` if it can.

    The mean over ten views is one of classes of images, and the mask of a whole image one of classes of pixels.
    """
    scores = graph.scores
    if views == "whole" and not graph.is_dense:
        return (
            f"views=whole is for networks whose class scores are maps, and {scores.layer} gives an image one score for "
            "each class",
            "views=10 tests the corner and centre crops and their mirror images, views=1 the centre crop",
        )
    if views == 10 and graph.is_dense:
        return (
            f"views=10 is for networks that give an image one class, and the class scores of {scores.layer} are maps, "
            f"{scores.output}",
            "views=whole tests all of each image, views=1 its centre crop",
        )
    return None
