"""Cauchy error."""

from netspec.ir.ops import CauchyError
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "cauchyerror",
    CauchyError,
    "log(1 + d^2), where d is the difference from 1 for the image's class and from 0 for other classes; summed over "
    "the classes and averaged over the batch. Large differences have less weight than in squarederror.",
)
