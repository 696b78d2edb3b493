"""Connection tables: counts by hand, and against convolutions without a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.fault import Fault
from netspec.ir.ops import Conv, ParamShape
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable
from netspec.ir.window import Window

IMAGE = Shape(6, 4, 5)
TABLE = ConnectionTable(((0, 1), (2, 3, 4), (5,), (0, 3, 4, 5)))
"""4 filters with 10 kernels in all."""


def test_weights_and_connections_of_a_table_by_hand() -> None:
    """10 kernels of 2 x 3: 60 weights at 3 x 3 positions; the fan-in is 60 / 4 and the fan-out 60 / 6."""
    op = Conv(4, Window((2, 3)), table=TABLE)
    output = op.shape((IMAGE,))
    weight, bias = op.params((IMAGE,), output)
    assert weight == ParamShape("weight", (4, 6, 2, 3), 15, 10, TABLE)
    assert bias == ParamShape("bias", (4,), 15, 10)
    assert (weight.size, bias.size) == (60, 4)
    assert op.connections((IMAGE,), output) == 540
    assert op.flops((IMAGE,), output) == 2 * 540 + 36


def test_mask_text_and_numbering_of_a_table() -> None:
    assert ConnectionTable(((0, 2), (1,))).mask(3) == [[1, 0, 1], [0, 1, 0]]
    assert str(ConnectionTable(((0, 2), (1,)))) == "0+2,1"
    assert ConnectionTable(((1, 3), (2,))).counted_from_0() == ConnectionTable(((0, 2), (1,)))


def test_channel_outside_the_input_is_a_fault() -> None:
    for row, channels, notes in (
        ("5", 5, "5 channels, counted from 0: 0 to 4"),
        ("0+1", 1, "1 channel, counted from 0: 0"),
    ):
        with pytest.raises(Fault) as caught:
            Conv(4, Window((1, 1)), table=TABLE).shape((Shape(channels, 2, 2),))
        assert (caught.value.code, caught.value.keys) == ("table-mismatch", ("table",))
        assert caught.value.notes == (f"{row}: the input has {notes}",)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Conv, Shape]:
    """A convolution with a random table, and the shape of its input."""
    channels = draw(st.integers(1, 8))
    row = st.sets(st.integers(0, channels - 1), min_size=1).map(lambda found: tuple(sorted(found)))
    rows = draw(st.lists(row, min_size=1, max_size=8))
    window = Window(draw(st.sampled_from([(1, 1), (2, 3), (3, 3)])))
    return Conv(len(rows), window, bias=draw(st.booleans()), table=ConnectionTable(tuple(rows))), Shape(channels, 4, 5)


@given(convolutions())
def test_table_counts_as_one_convolution_per_filter(given: tuple[Conv, Shape]) -> None:
    """Each filter is a convolution of its own over the channels of its row."""
    op, x = given
    assert op.table is not None
    output = op.shape((x,))
    separate = [(Conv(1, op.window, bias=op.bias), (Shape(len(row), x.height, x.width),)) for row in op.table.rows]
    assert op.connections((x,), output) == sum(conv.connections(r, conv.shape(r)) for conv, r in separate)
    assert op.flops((x,), output) == sum(conv.flops(r, conv.shape(r)) for conv, r in separate)
    weight = op.params((x,), output)[0]
    separate_weights = [conv.params(r, conv.shape(r))[0] for conv, r in separate]
    assert (
        weight.size
        == sum(p.size for p in separate_weights)
        == sum(map(sum, op.table.mask(x.channels))) * op.window.area
    )
    assert weight.fan_in == pytest.approx(sum(p.fan_in for p in separate_weights) / len(separate_weights))


@given(st.integers(1, 6), st.integers(1, 6))
def test_full_table_counts_like_no_table(filters: int, channels: int) -> None:
    x, window = Shape(channels, 4, 5), Window((2, 3))
    plain = Conv(filters, window)
    full = Conv(filters, window, table=ConnectionTable((tuple(range(channels)),) * filters))
    output = plain.shape((x,))
    assert full.shape((x,)) == output
    assert full.connections((x,), output) == plain.connections((x,), output)
    for with_table, without_table in zip(full.params((x,), output), plain.params((x,), output), strict=True):
        assert (with_table.shape, with_table.size, with_table.fan_in, with_table.fan_out) == (
            without_table.shape,
            without_table.size,
            without_table.fan_in,
            without_table.fan_out,
        )
