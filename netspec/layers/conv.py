"""Convolution."""

from collections.abc import Mapping
from typing import Any

from netspec.formatting import plural
from netspec.ir.fault import Fault
from netspec.ir.ops import Conv
from netspec.keys import Choice, Key, OrNone, Rows, Whole
from netspec.layers import _bounds
from netspec.layers._keys import USUAL, WEIGHTED_KERNELS
from netspec.layers._windows import GROUPS, PLACES, SPREAD, WINDOWED, lay_out, window
from netspec.lowering import LayerType, Lowering

TABLE = Key(
    "table",
    OrNone(Rows()),
    "connection table: for each filter, in order, the channels that it reads; it has no weights for other channels",
    default=None,
    default_text="none: every filter reads all channels",
)
BIAS_PER = Key(
    "bias_per",
    Choice(("channel", "unit")),
    "channel: one bias for each filter. unit: one at each position of a filter",
    default="channel",
)


def lower(low: Lowering) -> None:
    if low["table"] is not None:
        _need_whole(low)
    lay_out(low)
    low.emit_weighted(
        lambda i, bias: Conv(low["filters"], window(low, i), low.groups_for(i), bias, low["table"]),
        bias_per=low["bias_per"],
        separate_bias=low["bias_per"] == "unit",
    )


def check_values(values: Mapping[str, Any]) -> None:
    """Check that bounds do not contradict each other, and that a connection table agrees with the other keys.

    Raises ``Fault`` with ``bad-value`` or ``table-mismatch``.
    """
    _bounds.check_values(values)
    table, filters = values["table"], values["filters"]
    if table is None:
        return
    if len(table.rows) != filters:
        raise Fault(
            "table-mismatch",
            f"{{layer}} has {plural(filters, 'filter')}, but its table has {plural(len(table.rows), 'row')}",
            ("table", "filters"),
            ("the table has a row for each filter, in their order: 0+1,2 are two rows",),
        )
    for key in ("groups", "spread"):
        if values[key] != 1:
            raise Fault(
                "table-mismatch",
                f"{{layer}}: table and {key} both say which channels a filter reads",
                ("table", key),
                (f"a table can say what {key} says: it names each filter's channels",),
            )
    for key in ("min_std", "max_std"):
        if values[key] is not None:
            raise Fault(
                "table-mismatch",
                f"{{layer}}: {key} does not go with a table",
                ("table", key),
                ("the deviation would be that of a filter's weights and of the zeros in place of absent ones",),
            )


def _need_whole(low: Lowering) -> None:
    """Raise ``table-mismatch`` if a layer with a connection table has several inputs or is split over GPU groups."""
    if len(low.operands) > 1:
        names = ",".join(operand.node for operand in low.operands)
        raise Fault(
            "table-mismatch",
            f"{{layer}} has a table and {len(low.operands)} inputs",
            ("table", "inputs"),
            (
                "a table numbers the channels of one input",
                f"a layer concat inputs={names} above it makes one of them, their channels in this order",
            ),
        )
    if low.placement.split:
        raise Fault(
            "table-mismatch",
            f"{{layer}} has a table and is split over {low.gpu_groups} GPU groups",
            ("table",),
            (
                "a table numbers the filters and channels of a whole layer, of which each group has a share",
                "gpu=0 puts the whole layer on group 0",
            ),
        )


TYPE = LayerType(
    "conv",
    "Convolution. Padding and overhang are zeros. If the layer has several inputs, there is a kernel for each, and the "
    "results are summed.",
    lower,
    keys=(
        Key("filters", Whole(), "number of output channels, over all groups", unit="channels"),
        *WINDOWED,
        GROUPS,
        TABLE,
        SPREAD,
        BIAS_PER,
        *WEIGHTED_KERNELS,
        *USUAL,
    ),
    arity=(1, None),
    check_values=check_values,
    grouping="weights",
    rule=f"{PLACES} the number of filters.",
    example="[image] input 3x227x227\n[conv1] conv filters=96 kernel=11 stride=4",
)
