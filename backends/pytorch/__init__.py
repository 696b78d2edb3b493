"""A graph as an ordinary ``torch.nn.Module``.

The module has one attribute per layer of the file, its parameters bear the layers' names in its ``state_dict``
(``conv1.weight``, ``conv3.weights.0``), and they start as the spec says.
"""

from .initial import draw
from .layer import Layer
from .network import Network, class_scores, module, training_loss
from .ops import TABLE
from .ops.dropout import Draw, draw_from
from .torchvision import from_torchvision

__all__ = [
    "TABLE",
    "Draw",
    "Layer",
    "Network",
    "class_scores",
    "draw",
    "draw_from",
    "from_torchvision",
    "module",
    "training_loss",
]
