"""The meaning of every operation, in numpy: forward by im2col and matrix products, and the backward pass.

It is written to be read and to be compared with, not to be fast; everything is computed in float64, whatever the inputs
are. Images are N,C,H,W, vectors N,F.
"""

from .call import Call, Gradient, Statistics
from .run import Gradients, Run, backward, loss_seeds, run, training_loss
from .table import OPS, Pair

__all__ = [
    "OPS", "Call", "Gradient", "Gradients", "Pair", "Run", "Statistics", "backward", "loss_seeds", "run",
    "training_loss",
]  # fmt: skip
