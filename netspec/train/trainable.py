"""What a network must be like for a training to take its first step."""

from __future__ import annotations

from netspec.ir.graph import Graph
from netspec.ir.ops import BatchNorm
from netspec.passes.phases import phases
from netspec.train.config import TrainError

LARGEST = 3.4028234663852886e38
"""The largest float32."""

NOTHING_TO_LEARN = "nothing to learn: the network has no weights"


def need_trainable(graph: Graph, batch: int) -> None:
    """Raise ``TrainError`` where a network has no weights, where a step's numbers do not fit into float32, or where
    a batch is too small for its batch normalisation."""
    if not graph.parameters:
        raise TrainError(NOTHING_TO_LEARN)
    scores = graph.scores.output
    if scores.units != scores.channels:
        raise TrainError(f"the class scores are an image of {scores}: training needs one score per class")
    for parameter in graph.parameters.values():
        for what, value in (
            ("learning rate", parameter.lr),
            ("weight decay times rate", parameter.decay * parameter.lr),
        ):
            if not abs(value) <= LARGEST:  # also where it is no number
                raise TrainError(f"the {what} of {parameter.key} is {value:g}: that is no float32 number")
    if batch == 1 and (layer := _alone(graph)):
        raise TrainError(
            f"{layer} normalises each channel over the batch, and one image has one number per channel there",
            "train with a larger one: --batch 2 or more",
        )


def _alone(graph: Graph) -> str | None:
    """The first batch normalisation in training that reads one number per channel of an image."""
    nodes = (graph.nodes[name] for layer in phases(graph).trunk for name in layer.nodes)
    found = (node for node in nodes if isinstance(node.op, BatchNorm))
    return next((n.layer for n in found if graph.shapes(n)[0].units == graph.shapes(n)[0].channels), None)
