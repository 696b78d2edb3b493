"""AlexNets as a careful PyTorch user would write them, against which the compiled networks are measured.

The network of 2012 merges the paper's two groups: layers that read only their own half are grouped convolutions, and
the 224 pixels are padded by three at the right and bottom, so that conv1 gives 55 x 55. PyTorch's local response
normalisation runs across the boundary of the groups, which changes the function there but not the amount of work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netspec.ir.graph import Graph
from netspec.ir.ops import Conv, Dropout, Flatten, Linear, Relu, Softmax, name_of
from netspec.ir.rules import AdaDelta, AdaGrad, Adam, Lamb, Lars, RmsProp, Sgd, UpdateRule


class AlexNet(nn.Module):
    """Krizhevsky, Sutskever & Hinton (2012). Takes images N x 3 x 224 x 224, returns N x classes scores.

    ``groups`` is 2 for the network as printed, 1 for the variant without groups.
    """

    def __init__(self, classes: int = 1000, groups: int = 2) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.ZeroPad2d((0, 3, 0, 3)),
            nn.Conv2d(3, 96, 11, stride=4),
            nn.ReLU(inplace=True),
            nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(96, 256, 5, padding=2, groups=groups),
            nn.ReLU(inplace=True),
            nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(256, 384, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 384, 3, padding=1, groups=groups),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1, groups=groups),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, classes),
        )
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Return the class scores."""
        scores: Tensor = self.classifier(self.features(images))
        return scores


class OneTower(nn.Module):
    """torchvision's alexnet (Krizhevsky 2014, arXiv 1404.5997). Takes images N x 3 x 224 x 224, returns N x classes
    scores."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the class scores."""
        scores: Tensor = self.classifier(self.features(images))
        return scores


@dataclass(frozen=True, slots=True)
class Peer:
    """A hand-written network, with the name of the equivalent spec and its layers as ``_layers`` describes them."""

    spec: str
    make: Callable[[int], nn.Module]
    layers: tuple[str, ...]


def optimiser(model: nn.Module, rule: UpdateRule, device: str) -> torch.optim.Optimizer:
    """Return PyTorch's optimiser of an update rule, with the paper's hyperparameters for SGD and PyTorch's for others,
    fused on a GPU if PyTorch has such a kernel for GPUs. PyTorch has neither LARS nor LAMB: in their place are the
    rules that they scale, SGD and AdamW."""
    fused = device == "cuda"
    match rule:
        case Sgd() | Lars():
            nesterov = isinstance(rule, Sgd) and rule.nesterov
            return torch.optim.SGD(model.parameters(), 0.01, 0.9, weight_decay=5e-4, nesterov=nesterov, fused=fused)
        case Adam() | Lamb():
            decoupled = isinstance(rule, Lamb) or rule.decoupled
            return (torch.optim.AdamW if decoupled else torch.optim.Adam)(model.parameters(), fused=fused)
        case RmsProp():
            return torch.optim.RMSprop(model.parameters(), momentum=rule.momentum, centered=rule.centered)
        case AdaGrad():
            return torch.optim.Adagrad(model.parameters())
        case AdaDelta():
            return torch.optim.Adadelta(model.parameters())


def peer_of(graph: Graph) -> Peer | None:
    """Return the hand-written network with the same layers as a graph, or ``None``. Any number of classes matches."""
    layers = tuple(_layers(graph))
    return next((peer for peer in PEERS if peer.layers == layers), None)


def _layers(graph: Graph) -> Iterator[str]:
    """Yield descriptions of the layers that take time, in order, such as ``conv 96x55x55 of 3 maps`` and ``relu``."""
    for node in graph.nodes.values():
        description = f"{name_of(node.op)} {node.output}"
        match node.op:
            case Conv(groups=groups, table=None):
                yield f"{description} of {graph.shapes(node)[0].channels // groups} maps"
            case Linear() if node.name == graph.scores.name:
                yield "linear"
            case Relu() | Dropout():
                yield name_of(node.op)
            case Softmax() | Flatten():
                pass
            case _:
                yield description


def _family(groups: int) -> tuple[str, ...]:
    return (
        "input 3x224x224",
        "conv 96x55x55 of 3 maps", "relu", "lrn 96x55x55", "maxpool 96x27x27",
        f"conv 256x27x27 of {96 // groups} maps", "relu", "lrn 256x27x27", "maxpool 256x13x13",
        "conv 384x13x13 of 256 maps", "relu",
        f"conv 384x13x13 of {384 // groups} maps", "relu",
        f"conv 256x13x13 of {384 // groups} maps", "relu", "maxpool 256x6x6",
        "linear 4096", "relu", "dropout",
        "linear 4096", "relu", "dropout",
        "linear",
    )  # fmt: skip


PEERS = (
    Peer("alexnet.net", lambda classes: AlexNet(classes), _family(2)),
    Peer("alexnet-one-gpu.net", lambda classes: AlexNet(classes, groups=1), _family(1)),
    Peer(
        "alexnet-torchvision.net",
        OneTower,
        (
            "input 3x224x224",
            "conv 64x55x55 of 3 maps", "relu", "maxpool 64x27x27",
            "conv 192x27x27 of 64 maps", "relu", "maxpool 192x13x13",
            "conv 384x13x13 of 192 maps", "relu",
            "conv 256x13x13 of 384 maps", "relu",
            "conv 256x13x13 of 256 maps", "relu", "maxpool 256x6x6",
            "dropout", "linear 4096", "relu",
            "dropout", "linear 4096", "relu",
            "linear",
        ),
    ),
)  # fmt: skip
"""All hand-written networks."""


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
