"""The sum of squares of what a layer makes."""

from netspec.ir.ops import SumSquares
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "sumsquares",
    SumSquares,
    "The sum of the squares of all units, whatever the image's class; the mean over the batch. It keeps a value small: "
    "an activity, or a difference from what is to be made.",
)
