"""Squared error."""

from netspec.ir.ops import SquaredError
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "squarederror",
    SquaredError,
    "The squared difference from 1 for the image's class and 0 for the others, summed; the mean over the batch.",
)
