"""Sum of squares of a layer's output."""

from netspec.ir.ops import SumSquares
from netspec.keys import Choice, Key
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "sumsquares",
    SumSquares,
    "The sum of the squares of all units, averaged over the batch. It keeps values small, such as activations or the "
    "difference from a target.",
    Key(
        "gate",
        Choice(("none", "class")),
        "none, or class: the sum of each image is multiplied by the number of its class, counted from 0",
        default="none",
        affects_shape=False,
    ),
)
