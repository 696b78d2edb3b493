"""The reference implementation of every operation in numpy, forward and backward.

It is written to be read and to test other backends against, not to be fast. Everything is computed in float64, whatever
the type of the inputs. Images are N,C,H,W, vectors N,F.
"""

from .call import Call, Gradient, Statistics
from .run import Gradients, Run, backward, loss_seeds, run, training_loss
from .table import OPS, Pair

__all__ = [
    "OPS", "Call", "Gradient", "Gradients", "Pair", "Run", "Statistics", "backward", "loss_seeds", "run",
    "training_loss",
]  # fmt: skip
