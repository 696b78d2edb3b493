"""Squared error."""

from netspec.ir.ops import SquaredError
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "squarederror",
    SquaredError,
    "The squared difference from 1 for the image's class and from 0 for other classes; summed over the classes and "
    "averaged over the batch.",
)
