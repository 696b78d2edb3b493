"""Cauchy error."""

from netspec.ir.ops import CauchyError
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "cauchyerror",
    CauchyError,
    "log(1 + d^2), where d is the difference from 1 for the image's class and from 0 for the others, summed; the mean "
    "over the batch. Large differences count less than in squarederror.",
)
