"""What training makes small, and what it is judged by, of a network as a module."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from netspec import backend
from netspec.ir.graph import Graph


@dataclass(frozen=True, slots=True)
class Objective:
    """A network's module with its training loss and its class scores.

    Images are prepared and of shape (N, channels, height, width), labels N class numbers.
    """

    graph: Graph
    module: nn.Module

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """The weighted sum of the file's losses; without any, the cross-entropy of the class scores. A scalar."""
        loss: Tensor = backend.load("pytorch").training_loss(self.module, images, labels)
        return loss

    def draw(self, seed: int, step: int, first_sample: int = 0) -> None:
        """Let dropout's choices depend on these from now on: the images' first is the step's ``first_sample``-th."""
        pytorch = backend.load("pytorch")
        pytorch.draw_from(self.module, pytorch.Draw(seed, step, first_sample))

    def measured(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and the class scores (N, classes). A network with losses of its own is run once for each."""
        scores: Tensor = backend.load("pytorch").class_scores(self.module, images)
        if self.graph.losses:
            return self.loss(images, labels), scores
        return F.cross_entropy(scores, labels), scores


def build(graph: Graph, seed: int, device: str) -> Objective:
    """The network with the initial values of a seed, on a device."""
    module: nn.Module = backend.load("pytorch").module(graph, seed)
    return Objective(graph, module.to(device))
