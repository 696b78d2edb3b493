"""The language page's section "Windows", and the limits: shapes computed by hand. The backends' tests check values."""

from __future__ import annotations

import pytest
from checking import codes, only_diagnostic, ops_of, position_of, valid_net

from netspec.diagnostics import apply
from netspec.ir.ops import AvgPool, Conv, MaxPool
from netspec.ir.shape import Shape
from netspec.ir.window import Pad
from netspec.stats import WindowNumbers


def shape(image: str, layer: str) -> Shape:
    return valid_net(f"[image] input {image}\n[x] {layer}")["x"].output


@pytest.mark.parametrize(
    ("image", "layer", "output"),
    [
        # (32 - 5) / 1 + 1 = 28
        ("3x32x32", "conv filters=6 kernel=5", (6, 28, 28)),
        # (227 - 11) / 4 + 1 = 55
        ("3x227x227", "conv filters=96 kernel=11 stride=4", (96, 55, 55)),
        # rows (20 - 3) / 1 + 1 = 18, columns (30 - 5) / 1 + 1 = 26: kernels are height x width
        ("1x20x30", "conv filters=2 kernel=3x5", (2, 18, 26)),
        # rows (21 - 3) / 2 + 1 = 10, columns (30 - 3) / 3 + 1 = 10
        ("1x21x30", "conv filters=2 kernel=3 stride=2x3", (2, 10, 10)),
        # a kernel of 3 dilated by 4 spans 9: (32 - 9) / 1 + 1 = 24
        ("3x32x32", "conv filters=2 kernel=3 dilation=4", (2, 24, 24)),
        # dilated by 1 in height, 2 in width: rows 30, columns (32 - 5) + 1 = 28
        ("3x32x32", "conv filters=2 kernel=3 dilation=1x2", (2, 30, 28)),
        ("3x32x32", "local filters=2 kernel=3 pad=1", (2, 32, 32)),
        ("3x32x32", "maxpool kernel=2", (3, 16, 16)),
        ("3x32x32", "avgpool kernel=2 stride=1", (3, 31, 31)),
        ("3x31x17", "avgpool kernel=global", (3, 1, 1)),
        ("3x31x17", "maxpool kernel=global stride=5", (3, 1, 1)),
    ],
)
def test_shapes_match_those_computed_by_hand(image: str, layer: str, output: tuple[int, ...]) -> None:
    assert shape(image, layer) == output


def test_one_pad_applies_to_all_sides() -> None:
    # (27 + 2 + 2 - 5) / 1 + 1 = 27
    assert shape("3x27x27", "conv filters=2 kernel=5 pad=2") == (2, 27, 27)


def test_four_pads_are_left_right_top_bottom() -> None:
    # columns: 10 + 1 + 2 - 5 + 1 = 9; rows: 10 + 3 + 4 - 5 + 1 = 13
    assert shape("1x10x10", "conv filters=1 kernel=5 pad=1,2,3,4") == (1, 13, 9)
    (op,) = ops_of("[image] input 1x10x10\n[x] conv filters=1 kernel=5 pad=1,2,3,4", "x")
    assert isinstance(op, Conv)
    assert op.window.pad == Pad(left=1, right=2, top=3, bottom=4)


@pytest.mark.parametrize("pads", ["1,2", "1,2,3", "1,2,3,4,5", "3x3", "-1", "1.5", "same", "1,2,3,x"])
def test_other_numbers_of_pads_are_errors(pads: str) -> None:
    assert codes(f"[image] input 1x10x10\n[x] conv filters=1 kernel=5 pad={pads}") == ["bad-value"]


def test_overhang_is_an_error_by_default() -> None:
    for layer in ("conv filters=2 kernel=11", "local filters=2 kernel=11", "maxpool kernel=11", "avgpool kernel=11"):
        found = only_diagnostic(f"[image] input 3x224x224\n[x] {layer} stride=4")
        assert found.code == "window-does-not-tile"
        assert found.notes[0] == "width: (224 + 0 + 0 - 11) / 4 + 1 = 54.25, not a whole number"


def test_keys_used_in_the_arithmetic_are_underlined() -> None:
    found = only_diagnostic("[image] input 3x224x224\n[x] conv filters=2 pad=1 kernel=11 stride=4 groups=1")
    assert [s.text for s in found.spans] == ["pad=1", "kernel=11", "stride=4"]
    assert position_of(found) == (2, 20, "pad=1")


def test_notes_name_the_axis() -> None:
    found = only_diagnostic("[image] input 3x224x223\n[x] conv filters=2 kernel=11 stride=4")
    # columns tile: (223 - 11) / 4 + 1 = 54; rows do not: (224 - 11) / 4 + 1 = 54.25
    assert found.notes == ("height: (224 + 0 + 0 - 11) / 4 + 1 = 54.25, not a whole number",)


@pytest.mark.parametrize(("rounding", "conv", "pool"), [("down", 54, 54), ("up", 55, 55), ("caffe", 54, 55)])
def test_rounding_of_54_25_places(rounding: str, conv: int, pool: int) -> None:
    assert shape("3x224x224", f"conv filters=2 kernel=11 stride=4 rounding={rounding}") == (2, conv, conv)
    assert shape("3x224x224", f"maxpool kernel=11 stride=4 rounding={rounding}") == (3, pool, pool)


def test_rounding_is_set_per_net_or_per_layer() -> None:
    net = valid_net(
        "net rounding=up\n[image] input 3x224x224\n[a] conv filters=2 kernel=11 stride=4\n"
        "[b] conv filters=2 kernel=11 stride=4 inputs=image rounding=down\n[c] fc outputs=1 inputs=a,b"
    )
    assert (net["a"].output, net["b"].output) == ((2, 55, 55), (2, 54, 54))


def window(layer: str, image: str = "3x224x224") -> WindowNumbers:
    (only,) = valid_net(f"[image] input {image}\n[x] {layer}")["x"].windows
    return only


def test_rounding_up_overhangs_right_and_bottom() -> None:
    # 55 positions at stride 4 end at 54 * 4 + 11 = 227: 3 beyond 224
    assert window("conv filters=2 kernel=11 stride=4 rounding=up").effective_pad == Pad(0, 3, 0, 3)


def test_rounding_down_reads_only_the_padding_it_needs() -> None:
    # 55 positions end at 54 * 4 + 11 = 227 = 2 + 224 + 1
    assert window("conv filters=2 kernel=11 stride=4 pad=2 rounding=down").effective_pad == Pad(2, 1, 2, 1)


def test_caffe_drops_a_pooling_window_that_starts_outside() -> None:
    # 5 + 1 + 1 at kernel 2, stride 2: up has 4 windows, at -1, 1, 3 and 5; pixel 5 does not exist
    assert shape("1x5x5", "maxpool kernel=2 stride=2 pad=1 rounding=caffe") == (1, 3, 3)
    assert codes("[image] input 1x5x5\n[x] maxpool kernel=2 stride=2 pad=1 rounding=up") == ["window-outside-image"]


@pytest.mark.parametrize(
    ("layer", "note"),
    [
        # at stride 3 a second window starts at 3 of a 3 pixel image
        (
            "maxpool kernel=1 stride=3 rounding=up pad=0,1,0,1",
            "the last one covers pixels 3 to 3 of an image with 0 to 2",
        ),
        ("conv filters=1 kernel=2 pad=2,0,2,0", "the first one covers pixels -2 to -1 of an image with 0 to 2"),
        ("conv filters=1 kernel=2 pad=0,2,0,2", "the last one covers pixels 3 to 4 of an image with 0 to 2"),
    ],
)
def test_window_entirely_outside_is_an_error(layer: str, note: str) -> None:
    found = only_diagnostic(f"[image] input 1x3x3\n[x] {layer}")
    assert found.code == "window-outside-image"
    assert note in found.notes


@pytest.mark.parametrize(
    ("layer", "side"), [("conv kernel=2 pad=2,0,2,0", 4), ("conv kernel=2 pad=0,2,0,2", 4), ("local kernel=1 pad=3", 9)]
)
def test_outside_bias_allows_windows_outside_the_image(layer: str, side: int) -> None:
    assert codes(f"[image] input 1x3x3\n[x] {layer} filters=2") == ["window-outside-image"]
    assert shape("1x3x3", f"{layer} filters=2 outside=bias") == Shape(2, side, side)
    assert codes("[image] input 1x3x3\n[x] maxpool kernel=2 stride=1 outside=bias") == ["unknown-key"]


def test_kernel_larger_than_its_padded_input_is_an_error() -> None:
    found = only_diagnostic("[image] input 1x6x9\n[x] conv filters=1 kernel=9 pad=1")
    assert found.code == "kernel-too-large"
    assert found.notes == ("height: the kernel spans 9, the input has 6 + 1 + 1 = 8",)
    assert [s.text for s in found.spans] == ["kernel=9", "pad=1"]


def test_global_window_has_no_padding() -> None:
    assert codes("[image] input 1x6x9\n[x] avgpool kernel=global pad=1,0,0,0") == ["bad-value"]


def test_pooling_has_neither_dilation_nor_groups() -> None:
    assert codes("[image] input 1x6x6\n[x] maxpool kernel=2 dilation=2") == ["unknown-key"]
    assert codes("[image] input 1x6x6\n[x] avgpool kernel=2 groups=1") == ["unknown-key"]


def test_windows_have_a_kind_for_caffes_rounding() -> None:
    text = "net rounding=caffe\n[image] input 3x224x224\n[a] conv filters=2 kernel=8 stride=4\n[b] avgpool kernel=2"
    assert [type(op) for op in (*ops_of(text, "a"), *ops_of(text, "b"))] == [Conv, AvgPool]
    assert [w.window.kind for layer in "ab" for w in valid_net(text)[layer].windows] == ["conv", "pool"]
    assert isinstance(ops_of("[image] input 3x8x8\n[b] maxpool kernel=2", "b")[0], MaxPool)


@pytest.mark.parametrize(
    "layer",
    [
        "conv filters=2 kernel=3",
        "maxpool kernel=2",
        "lrn size=5 alpha=1",
        "blur size=3 stdev=1",
        "nailbed stride=2",
        "mirror",
        "zeropad pad=1",
        "local filters=1 kernel=1",
        "rnorm size=3 scale=1",
        "contrast size=3 scale=1",
        "avgpool kernel=global",
    ],
)
def test_layer_that_needs_an_image_refuses_a_vector(layer: str) -> None:
    found = only_diagnostic(f"[data] input 784\n[x] {layer}")
    assert (found.code, found.message.split()[0]) == ("needs-image", "x")


# Limits: one layer's units or weights above 2^31 are an error.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # 46341^2 = 2,147,488,281 > 2^31 = 2,147,483,648
        ("[i] input 46341\n[x] fc outputs=46341", "x would have 2,147,488,281 weights"),
        ("[i] input 1x46341x46341", "i would have 2,147,488,281 units"),
        ("[i] input 65536x65536x65536", "i would have 281,474,976,710,656 units"),
        # 32768 * 32768 * 2 units fit, 3 filters do not
        ("[i] input 1x32768x32768\n[x] conv filters=3 kernel=1", "x would have 3,221,225,472 units"),
        # 256 filters of 1 x 3000 x 3000
        ("[i] input 1x3000x3000\n[x] conv filters=256 kernel=3000", "x would have 2,304,000,000 weights"),
    ],
)
def test_units_and_weights_above_2_31_are_an_error(text: str, message: str) -> None:
    found = only_diagnostic(text)
    assert (found.code, found.message) == ("too-large", message)
    assert "2^31 = 2,147,483,648" in found.notes[0]


def test_units_and_weights_of_2_31_are_accepted() -> None:
    net = valid_net("[i] input 32768\n[x] fc outputs=65536")  # 2^15 * 2^16
    assert net["x"].weights == 2**31
    assert valid_net("[i] input 2x32768x32768")["i"].units == 2**31


@pytest.mark.parametrize(
    "key",
    [
        "filters=2147483649 kernel=1",
        "filters=1 kernel=2147483649",
        "filters=1 kernel=1 pad=2147483649",
        "filters=1 kernel=1 stride=2147483649x1",
        "filters=1 kernel=1 dilation=99999999999",
    ],
)
def test_numbers_above_2_31_are_errors(key: str) -> None:
    assert codes(f"[i] input 1x8x8\n[x] conv {key}") == ["bad-value"]


def test_absurdly_large_pad_is_an_error() -> None:
    """No side, step or padding is longer than 2^16 pixels; a shorter but absurd pad is rejected at once."""
    assert codes("[i] input 1x8x8\n[x] conv filters=1 kernel=9 pad=2147483648") == ["bad-value"]
    assert codes("[i] input 1x8x8\n[x] conv filters=1 kernel=65537 pad=65536") == ["bad-value"]
    assert codes("[i] input 1x8x8\n[x] conv filters=1 kernel=9 pad=65536") == ["window-outside-image"]


def test_dilation_larger_than_the_image_is_an_error() -> None:
    text = "[i] input 1x8x8\n[x] conv filters=1 kernel=65536x2 dilation=65536 pad=65536 rounding=down"
    assert codes(text) == ["window-outside-image"]


@pytest.mark.parametrize(
    ("layer", "pad", "written", "notes"),
    [
        ("conv", "same", "1", 2),
        ("deconv stride=2", "same", "0,1,0,1", 1),
        ("conv", "valid", "0", 0),
        ("conv", "(1,2)", "2,2,1,1", 1),  # height and width, as in PyTorch
        ("conv", "(2,2)", "2", 1),
        ("conv", "1,2", "2,2,1,1", 0),
        ("conv", "some", None, 0),
    ],
)
def test_padding_as_other_tools_write_it(layer: str, pad: str, written: str | None, notes: int) -> None:
    text = f"[i] input 3x8x8\n[x] {layer} filters=4 kernel=3 pad={{}}\n"
    found = only_diagnostic(text.format(pad))
    assert len(found.notes) == notes
    fixed = [apply(fix.edits, text.format(pad)) for fix in found.fixes]
    assert fixed == ([] if written is None else [text.format(written)])
