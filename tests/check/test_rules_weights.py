"""Special weights: per-channel coefficients, and convolutions with a connection table."""

from __future__ import annotations

import pytest
from checking import codes, diagnostics_of, only_diagnostic, ops_of, position_of, valid_net

from netspec.diagnostics import apply
from netspec.ir.distribution import Constant, Normal, Uniform
from netspec.ir.ops import Bias, ChannelScale, Conv, Tanh
from netspec.ir.table import ConnectionTable
from netspec.net import loads

IMAGE = "[image] input 4x8x8\n"


def test_affine_starts_as_the_identity_and_learns_like_other_weights() -> None:
    train = "\ntrain optimizer=sgd(lr=0.1, weight_decay=0.01)"
    graph = valid_net(IMAGE + "[x] affine neuron=tanh" + train).graph
    assert {p.key: (p.role, p.shape, p.distribution, p.lr, p.decay) for p in graph.parameters.values()} == {
        "x.weight": ("weight", (4,), Constant(1.0), 0.1, 0.01),
        "x.bias": ("bias", (4,), Constant(0.0), 0.1, 0.0),
    }
    assert ops_of(IMAGE + "[x] affine neuron=tanh", "x") == [ChannelScale(), Bias(), Tanh()]
    custom = valid_net(IMAGE + "[x] affine init=constant(0.25) bias=none lr=0.5 decay_mult=0" + train).graph
    assert [(p.key, p.distribution, p.lr, p.decay) for p in custom.parameters.values()] == [
        ("x.weight", Constant(0.25), 0.5, 0.0)
    ]


# Connection tables.

TABLED = IMAGE + "[x] conv filters=3 kernel=3 table=0+1,2,3+0+1"
TABLE = ConnectionTable(((0, 1), (2,), (0, 1, 3)))
"""6 kernels of 3 x 3: 54 weights, 18 per filter on average, and an input number reaches 54 / 4 outputs on average."""


def test_table_reaches_the_operation_and_the_counts() -> None:
    net = valid_net(f"{TABLED} -> 3x6x6 weights=54 connections=1944")
    assert ops_of(TABLED, "x")[0] == Conv(3, net.layers["x"].windows[0].window, table=TABLE)
    weight, bias = net.graph.parameters.values()
    assert (weight.shape, weight.table, weight.size, bias.table) == ((3, 4, 3, 3), TABLE, 54, None)
    assert (net.layers["x"].weights, net.layers["x"].parameters) == (54, 57)


@pytest.mark.parametrize(
    ("init", "distribution"),
    [("he", Normal(0.0, (2 / 18) ** 0.5)), ("torch", Uniform(-1 / 18**0.5, 1 / 18**0.5)),
     ("xavier", Uniform(-((6 / 31.5) ** 0.5), (6 / 31.5) ** 0.5)), ("constant(2)", Constant(2.0))],
)  # fmt: skip
def test_initial_values_use_the_fan_in_of_the_table(init: str, distribution: object) -> None:
    assert valid_net(f"{TABLED} init={init}").graph.parameters["x.weight"].distribution == distribution


def test_table_can_have_one_row_or_be_none() -> None:
    one = valid_net(IMAGE + "[x] conv filters=1 kernel=3 table=0+1+2+3").graph.parameters["x.weight"]
    assert one.table == ConnectionTable(((0, 1, 2, 3),))
    text = f"default conv table=0+1,2+3\n{IMAGE}[x] conv filters=2 kernel=3\n[y] conv filters=2 kernel=3 table=none"
    graph = valid_net(text).graph
    assert [graph.parameters[f"{name}.weight"].table for name in "xy"] == [ConnectionTable(((0, 1), (2, 3))), None]


def test_layers_with_the_same_table_can_share_weights() -> None:
    again = TABLED + "\n[y] conv filters=3 kernel=3 inputs=image weights=x table="
    both = "\n[z] sum inputs=x,y"
    graph = valid_net(again + "1+0,2,0+1+3" + both).graph
    assert {p.key for p in graph.parameters.values()} == {"x.weight", "x.bias", "y.bias"}
    found = only_diagnostic(again + "0+1,2,0+1" + both)
    assert (found.code, found.notes) == ("weights-mismatch", ("their connection tables differ: 0+1,2,0+1+3 of x",))
    assert [span.text for span in found.spans] == ["weights=x", "table=0+1,2,0+1"]


@pytest.mark.parametrize(
    ("keys", "message", "marked"),
    [
        ("table=0,1", "x has 3 filters, but its table has 2 rows", ["filters=3", "table=0,1"]),
        ("table=0,1,2,3", "x has 3 filters, but its table has 4 rows", ["filters=3", "table=0,1,2,3"]),
        ("table=0,1+4,2+3", "x: filter 1 reads channel 4, which its input does not have", ["1+4"]),
        ("table=0,1,2 groups=2", "x: table and groups both say which", ["table=0,1,2", "groups=2"]),
        ("table=0,1,2 spread=2", "x: table and spread both say which", ["table=0,1,2", "spread=2"]),
        ("table=0,1,2 min_std=1", "x: min_std does not go with a table", ["table=0,1,2", "min_std=1"]),
        ("table=0,1,2 inputs=image,image", "x has a table and 2 inputs", ["table=0,1,2", "inputs=image,image"]),
    ],
)
def test_table_that_does_not_fit_is_an_error(keys: str, message: str, marked: list[str]) -> None:
    found = only_diagnostic(f"{IMAGE}[x] conv filters=3 kernel=3 {keys}")
    assert (found.code, found.message.startswith(message)) == ("table-mismatch", True), found.message
    assert [span.text for span in found.spans] == marked


def test_number_of_copies_is_bounded() -> None:
    text = f"{IMAGE}[x] conv filters=2 kernel=1 spread="
    assert valid_net(text + "65536").graph.parameters["x.weight"].shape[1] == 65536 * 4
    found = only_diagnostic(text + "65537")
    assert (found.code, found.message) == ("bad-value", "spread: is at most 65,536, not 65537")


def test_table_of_a_split_layer_is_an_error() -> None:
    text = "gpus 2\n[image] input 4x8x8\n[x] conv filters=4 kernel=3 table=0+1,2,3,0"
    found = only_diagnostic(text)
    assert (found.code, found.message) == ("table-mismatch", "x has a table and is split over 2 GPU groups")
    assert valid_net(text + " gpu=1").graph.parameters["x.weight"].table is not None


@pytest.mark.parametrize(
    ("keys", "title", "fixed"),
    [
        ("filters=3 table=0,1+2,3,0+3", "x filters=4", "filters=4 table=0,1+2,3,0+3"),
        ("filters=3 table=0+1,2 -> 3x6x6", "x filters=2", "filters=2 table=0+1,2 -> 2x6x6"),
        ("filters=2 table=1+2,3+4", "each number of the table one less", "filters=2 table=0+1,2+3"),
        ("filters=2 table=0+1,2+3 groups=2", "x groups=1", "filters=2 table=0+1,2+3 groups=1"),
        ("filters=2 table=0+1,2+3 min_std=1 max_std=2", "x min_std=none max_std=none",
         "filters=2 table=0+1,2+3 min_std=none max_std=none"),
        ("filters=2 table=0+1,2+3+2", "write 2+3", "filters=2 table=0+1,2+3"),
        ("filters=2 table=(0,1),(2,3)", "write table=0+1,2+3", "filters=2 table=0+1,2+3"),
    ],
)  # fmt: skip
def test_fixes_correct_the_table(keys: str, title: str, fixed: str) -> None:
    before = f"{IMAGE}[x] conv kernel=3 "
    (fix,) = only_diagnostic(before + keys).fixes
    assert (fix.title, fix.effect.endswith("the whole network checks")) == (title, True)
    text = apply(fix.edits, before + keys)
    assert text == before + fixed
    loads(text)


@pytest.mark.parametrize("table", ["a", "0,b", "-1", "0.5", "0+1,3x4", "he(1)", "0+1,none"])
def test_invalid_row_of_a_table_is_an_error(table: str) -> None:
    assert codes(f"{IMAGE}[x] conv filters=2 kernel=3 table={table}") == ["bad-value"]


def test_repeated_channel_is_reported_at_its_row() -> None:
    found = only_diagnostic(IMAGE + "[x] conv filters=2 kernel=3 table=0+1,2+3+2")
    assert (found.message, position_of(found)) == ("table: filter 1 reads channel 2 more than once", (2, 39, "2+3+2"))


def test_channels_that_no_filter_reads_give_a_warning() -> None:
    text = IMAGE + "[x] conv filters=2 kernel=3 table="
    assert valid_net(text + "0+1,2+3").warnings == ()
    (found,) = valid_net(text + "1,1+3").warnings
    assert (found.code, found.message) == ("unread-channels", "no filter of x reads channels 0, 2")
    (one,) = valid_net(text + "0+1,2").warnings
    assert one.message == "no filter of x reads channel 3"
    many = valid_net("[image] input 20x8x8\n[x] conv filters=1 kernel=3 table=0").warnings[0]
    assert many.message == "no filter of x reads channels 1, 2, 3, 4, 5, 6, 7, 8 and 11 more"


def test_refuted_weights_show_the_kernels_of_the_table() -> None:
    found = only_diagnostic(TABLED + " -> weights=108")
    assert found.message == "x has 54 weights, not 108"
    assert found.notes[0] == "3 * 3 weights a kernel * 6 kernels of the table = 54"
    found = only_diagnostic(TABLED + " -> connections=1")
    assert found.notes[0] == "6 * 6 places * 54 weights = 1,944"


def test_invalid_weights_key_is_reported_with_other_errors_of_the_line() -> None:
    text = f"{IMAGE}[a] fc outputs=0 weights=zz\n[b] conv filters=x kernel=3 weights=a\n[c] fc outputs=x weights=3\n"
    assert [(d.code, d.span.text) for d in diagnostics_of(text)] == [
        ("bad-value", "0"), ("unknown-layer", "zz"), ("bad-value", "x"), ("weights-mismatch", "a"),
        ("bad-value", "x"), ("bad-value", "3"),
    ]  # fmt: skip
