"""Reasons why a dense network cannot be trained on images and their masks.

The trainer and the generated program use these checks to reject the same networks.
"""

from __future__ import annotations

from netspec.ir.graph import Graph
from netspec.ir.ops import Loss
from netspec.ir.views import unfit_views
from netspec.passes.label_grid import grids_of_losses
from netspec.passes.score_grid import UNLABELLED, NoGrid, score_grid

MOST_CLASSES = UNLABELLED
"""A mask has a byte for each pixel, and one of its 256 values for unlabelled ones."""


def unfit_maps(graph: Graph) -> tuple[str, ...] | None:
    """Return why the scores of a dense network are not those of the classes in masks: the message, and further lines.
    ``None`` if they are."""
    scores = graph.scores.output
    maps = f"the class scores are an image of {scores}"
    if scores.channels == 1:
        two = "the classes of pixels have a map each, also if there are two, an object and the background"
        own = "netspec.torch_module and compile give the module, to train on images in a program of your own"
        return f"{maps}: with one class there is nothing to tell it from", two, own
    if scores.channels > MOST_CLASSES:
        return (f"{maps}: masks have at most {MOST_CLASSES} classes, as one byte of each pixel says its class",)
    try:
        score_grid(graph)
    except NoGrid as problem:
        return problem.message, *problem.notes
    return None


def unfit_masks(graph: Graph) -> tuple[str, ...] | None:
    """Return why a dense network cannot be trained on images and their masks: the message, and further lines. ``None``
    if it can, or if it is not dense and is not to be tested as if it were."""
    if views := unfit_views(graph.test.views, graph):
        return views
    if not graph.is_dense:
        return None
    if unfit := unfit_maps(graph):
        return unfit
    maps, augment = f"the class scores are an image of {graph.scores.output}", graph.augment
    if unfit := _unfit_losses(graph):
        return unfit
    own_updates = next((p.layer for p in graph.parameters.values() if p.update_every), None)
    if own_updates is not None:
        return f"{maps}, and {own_updates} is updated by the mean gradient of some images", "leave update_every= out"
    if augment.mixes:
        key = "mixup" if augment.mixup else "cutmix"
        return f"{maps}: augment {key}= mixes the classes of whole images, and not those of pixels", f"leave {key}= out"
    if augment.policy is not None:
        return f"{maps}: augment policy= moves the pixels of images, and not those of masks", "leave policy= out"
    return None


def _unfit_losses(graph: Graph) -> tuple[str, ...] | None:
    """Return why the losses of a dense network, if it has any, cannot be those of masks: the message, and further
    lines."""
    if graph.losses and not any(node.op.knows_classes for node in graph.losses if isinstance(node.op, Loss)):
        first = graph.losses[0].layer
        message = f"no loss compares the maps of {graph.scores.layer} with masks: {first} does not read the classes"
        return message, "add a crossentropy of the class scores; netspec.torch_module and compile give the module"
    try:
        grids_of_losses(graph)
    except NoGrid as problem:
        return problem.message, *problem.notes
    return None
