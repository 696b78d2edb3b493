"""Concatenation."""

from netspec.ir.ops import Concat
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    interleaved = all(o.placement.split for o in low.operands) and low.placement.split
    low.emit(Concat(low.gpu_groups if interleaved else 1))


TYPE = LayerType(
    "concat",
    "Concatenates the channels (or features) of the inputs. Inputs that are split over GPU groups are joined group by "
    "group.",
    lower,
    keys=USUAL,
    arity=(1, None),
    grouping="joins",
    rule="The sum of the channels (or features) of the inputs. Their heights and widths must be equal.",
    example=(
        "[image] input 3x28x28\n"
        "[a] conv filters=16 kernel=1\n"
        "[b] conv filters=32 kernel=3 pad=1 inputs=image\n"
        "[both] concat inputs=a,b"
    ),
)
