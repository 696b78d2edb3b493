"""Compile a graph to an ordinary ``torch.nn.Module``.

The module has one attribute per layer of the spec. Keys of the ``state_dict`` contain the names of the layers
(``conv1.weight``, ``conv3.weights.0``), and parameters are initialised as the spec says.
"""

from .arrays import module_with
from .fast import GroupedConvolution, blocks, chosen_forms, compare_kernels, image_blocks, no_kernels, use_kernels
from .initial import initial_values
from .layer import LABELS, Layer
from .network import Network, class_scores, module, training_loss
from .ops import TABLE
from .ops.counter_rng import DeviceRandomState, RandomLayer, RandomState, evaluation_random_state, set_random_state
from .ops.losses import (
    class_weights,
    cross_entropy,
    keep_class_weights,
    on_grid,
    pixel_losses,
    share_of_labels,
    share_of_loss,
)
from .ops.norms import BatchNormalise
from .ops.precision import widened
from .torchvision import ALEXNET, to_torchvision, torchvision_keys

__all__ = [
    "ALEXNET",
    "LABELS",
    "TABLE",
    "BatchNormalise",
    "DeviceRandomState",
    "GroupedConvolution",
    "Layer",
    "Network",
    "RandomLayer",
    "RandomState",
    "blocks",
    "chosen_forms",
    "class_scores",
    "class_weights",
    "compare_kernels",
    "cross_entropy",
    "evaluation_random_state",
    "image_blocks",
    "initial_values",
    "keep_class_weights",
    "module",
    "module_with",
    "no_kernels",
    "on_grid",
    "pixel_losses",
    "set_random_state",
    "share_of_labels",
    "share_of_loss",
    "to_torchvision",
    "torchvision_keys",
    "training_loss",
    "use_kernels",
    "widened",
]
