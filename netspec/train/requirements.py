"""Checks that a network and its data must pass before training starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.formatting import format_count
from netspec.ir.graph import Graph
from netspec.passes.dependence import with_gradient
from netspec.passes.mask_limits import unfit_maps, unfit_masks
from netspec.passes.placing import ArrangementError, require_equal_parts
from netspec.passes.score_grid import ScoreGrid, score_grid
from netspec.passes.step_limits import layers_needing_two_images, unfit_rates
from netspec.train.errors import TrainError

if TYPE_CHECKING:
    from netspec.train.data.splits import Data

NOTHING_TO_LEARN = "nothing to learn: the network has no weights"
LOSS_WITHOUT_WEIGHTS = "nothing to learn: the loss depends on no weights"


def require_trainable(graph: Graph, batch: int) -> None:
    """Raise ``TrainError`` if the network cannot be trained with this batch.

    Its loss does not depend on any weights, its class scores are maps that do not fit masks, numbers of a step do not
    fit into float32, or the batch cannot be divided into the parts of ``accumulate``, or into parts that are large
    enough for batch normalisation.
    """
    if not graph.parameters:
        raise TrainError(NOTHING_TO_LEARN)
    if with_gradient(graph).isdisjoint(node.name for node in graph.losses or (graph.scores,)):
        raise TrainError(LOSS_WITHOUT_WEIGHTS)
    if unfit := unfit_masks(graph):
        raise TrainError(*unfit)
    for rate in unfit_rates(graph):
        raise TrainError(str(rate))
    parts = graph.train.accumulate
    try:
        require_equal_parts(batch, parts)
    except ArrangementError as problem:
        raise TrainError(problem.message, *problem.notes) from problem
    if batch == parts and (layers := layers_needing_two_images(graph)):
        alone = "one image has" if parts == 1 else f"each of the {parts} parts of the batch is one image, which has"
        raise TrainError(
            f"{layers[0]} normalises each channel over the batch, and {alone} one number per channel there",
            f"train with a larger one: --batch {2 * parts} or more",
        )


def require_grid(graph: Graph) -> ScoreGrid:
    """Return where the scores of a dense network stand in its image. Raises ``TrainError`` if they are not those of the
    classes in masks."""
    if unfit := unfit_maps(graph):
        raise TrainError(*unfit)
    return score_grid(graph)


def require_full_batch(data: Data, batch: int) -> None:
    """Raise ``TrainError`` if there are fewer training images than one batch needs."""
    images = len(data.train.labels)
    if images < batch:
        raise TrainError(
            f"{data.source} has {format_count(images)} training images, a batch has {format_count(batch)}: there "
            "is no full batch",
            f"train with a smaller one: --batch {max(1, images)}",
        )
