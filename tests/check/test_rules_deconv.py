"""Transposed convolutions: refuted sizes and their fixes, warnings, and lines pasted from PyTorch and Keras."""

from __future__ import annotations

import pytest
from checking import diagnostics_of, only_diagnostic, valid_net
from hypothesis import given
from hypothesis import strategies as st
from proposed import fixed, titles

import netspec
from netspec.diagnostics import apply
from netspec.ir.window import Pad, TransposedWindow

IMAGE = "[i] input 8x14x14\n"
ABOVE = IMAGE + "[up] "


@pytest.mark.parametrize(
    ("line", "arithmetic", "proposed"),
    [
        (
            "deconv filters=4 kernel=3 stride=2 pad=1 -> 4x28x28",
            "width: (14 - 1) * 2 + 3 - 1 - 1 = 27",
            ["up pad=1,0,1,0", "up pad=0,1,0,1", "up kernel=4", "claim 4x27x27"],
        ),
        (
            "deconv filters=4 kernel=4 stride=2 -> 4x28x28",
            "width: (14 - 1) * 2 + 4 - 0 - 0 = 30",
            ["up pad=1", "up kernel=2", "input 8x13x13", "claim 4x30x30"],
        ),
        (
            "deconv filters=4 kernel=2 -> 4x28x28",
            "width: (14 - 1) * 1 + 2 - 0 - 0 = 15",
            ["up stride=2", "up kernel=15", "input 8x27x27", "claim 4x15x15"],
        ),
        (
            "deconv filters=4 kernel=3 stride=2x1 dilation=2 pad=1,1,0,-1 -> 4x32x20",
            "height: (14 - 1) * 2 + 5 - 0 + 1 = 32",
            ["input 8x14x18", "claim 4x32x16"],
        ),
    ],
)
def test_refuted_size_is_solved_for_each_term(line: str, arithmetic: str, proposed: list[str]) -> None:
    text = ABOVE + line
    found = only_diagnostic(text)
    assert found.code == "claim-refuted" and arithmetic in found.notes
    assert titles(found) == proposed
    for title in proposed:
        valid_net(fixed(found, title, text))


def test_odd_cuts_are_those_of_pytorch_and_keras() -> None:
    found = only_diagnostic(ABOVE + "deconv filters=4 kernel=3 stride=2 pad=1 -> 4x28x28")
    assert [fix.effect.partition(";")[0] for fix in found.fixes[:3]] == [
        "gives 28 as PyTorch does with padding=1, output_padding=1",
        "gives 28 as Keras does with padding=same",
        "gives 28, another function",
    ]
    even = only_diagnostic("[i] input 4x8x8\n[up] deconv filters=2 kernel=4 stride=2 -> 2x16x16")
    assert [(fix.title, fix.effect.partition(";")[0]) for fix in even.fixes[:2]] == [
        ("up pad=1", "gives 16, another function"), ("up kernel=2", "gives 16, another function"),
    ]  # fmt: skip


def test_refuted_counts_are_explained() -> None:
    """The 8 channels meet 4 / 2 filters each: 8 * 2 * 3 * 5 weights; 14 * 14 pixels of the input meet all of them."""
    found = diagnostics_of(ABOVE + "deconv filters=4 kernel=3x5 groups=2 -> weights=9 connections=9")
    assert [d.notes[0] for d in found] == [
        "3 * 5 weights a kernel * 8 channels * 4 / 2 filters = 240",
        "14 * 14 places of its input * 240 weights = 47,040",
    ]


def test_output_that_is_cut_off_as_a_whole_is_an_error_with_a_fix() -> None:
    text = "[i] input 8x1x1\n[up] deconv filters=4 kernel=4 pad=2 -> 4x4x4"
    found = only_diagnostic(text)
    assert (found.code, found.span.text, found.notes) == (
        "nothing-left", "pad=2", ("width: (1 - 1) * 1 + 4 - 2 - 2 = 0",)
    )  # fmt: skip
    assert valid_net(fixed(found, "up pad=0", text))["up"].output == (4, 4, 4)


@pytest.mark.parametrize(
    ("keys", "note"),
    [
        ("kernel=2 stride=3", "kernel 2, stride 3: of every 3 columns, 1 is in no window"),
        ("kernel=1x2 stride=4x2", "kernel 1, stride 4: of every 4 rows, 3 are in no window"),
        ("kernel=4 stride=2 dilation=2", "kernel 4, stride 2: of every 2 columns, 1 is in no window"),
    ],
)
def test_windows_that_leave_holes_are_warned_of(keys: str, note: str) -> None:
    (warning,) = valid_net(f"{ABOVE}deconv filters=4 {keys}").warnings
    assert (warning.code, warning.notes) == ("output-holes", (note,))


@pytest.mark.parametrize(
    ("keys", "note"),
    [
        ("kernel=4 stride=2 pad=3,10,1,1", "right: a window has 4 pixels, and 10 are cut off: 4 columns"),
        ("kernel=2 dilation=2 pad=0,0,3,0", "top: a window has 3 pixels, and 3 are cut off: 1 row"),
    ],
)
def test_input_whose_windows_are_cut_off_is_warned_of(keys: str, note: str) -> None:
    (warning,) = valid_net(f"{ABOVE}deconv filters=4 {keys}").warnings
    assert (warning.code, warning.notes) == ("unread-pixels", (f"{note} of its input are never read",))


@pytest.mark.parametrize(
    "keys", ["kernel=2 stride=2", "kernel=3 stride=2 pad=1", "kernel=1", "kernel=3 stride=2 dilation=3 pad=-1,0,2,2"]
)
def test_usual_windows_have_no_warnings(keys: str) -> None:
    assert valid_net(f"{ABOVE}deconv filters=4 {keys}").warnings == ()


def test_strength_of_the_signal_counts_the_weights_that_meet_in_a_pixel() -> None:
    """16 * 8 weights of a filter, of which a quarter meet in each pixel of the output."""
    (warning,) = valid_net(f"{ABOVE}deconv filters=4 kernel=4 stride=2 pad=1 init=gaussian(1e-7)").warnings
    assert warning.code == "signal-vanishes" and warning.notes[0].endswith(", 32 a unit")


@pytest.mark.parametrize(
    ("line", "right", "side"),
    [
        ("nn.ConvTranspose2d(8, 4, 2, stride=2)", "deconv filters=4 kernel=2 stride=2", 28),
        ("nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False)", "deconv filters=4 kernel=4 stride=2 pad=1 bias=none", 28),
        ("nn.ConvTranspose2d(8, 4, 3, 2, 1, 1)", "deconv filters=4 kernel=3 stride=2 pad=1,0,1,0", 28),
        (
            "ConvTranspose2d(8, 4, (3, 3), stride=(2, 2), output_padding=(1, 1), groups=2, dilation=2)",
            "deconv filters=4 kernel=3x3 stride=2x2 groups=2 dilation=2 pad=0,-1,0,-1",
            32,
        ),
        ("Conv2DTranspose(4, 3, strides=2, padding='same')", "deconv filters=4 kernel=3 stride=2 pad=0,1,0,1", 28),
        ("Conv2DTranspose(4, 4, strides=2, padding='same')", "deconv filters=4 kernel=4 stride=2 pad=1", 28),
        (
            "layers.Conv2DTranspose(4, (5, 5), (2, 2), padding='same', use_bias=False, activation='tanh')",
            "deconv filters=4 kernel=5x5 stride=2x2 pad=1,2,1,2 bias=none neuron=tanh",
            28,
        ),
        ("Conv2DTranspose(4, 3, strides=2)", "deconv filters=4 kernel=3 stride=2", 29),
        ("upconv filters=4 kernel=2 stride=2", "deconv filters=4 kernel=2 stride=2", 28),
        ("Deconvolution num_output=4 kernel_size=2 stride=2", "deconv filters=4 kernel=2 stride=2", 28),
        (
            "deconv filters=4 kernel=3 stride=2 pad=1 output_padding=1",
            "deconv filters=4 kernel=3 stride=2 pad=1,0,1,0",
            28,
        ),
        ("deconv filters=4 kernel=3 stride=2 output_padding=1", "deconv filters=4 kernel=3 stride=2 pad=0,-1,0,-1", 30),
        ("deconv filters=4 kernel=3 stride=2 pad=same", "deconv filters=4 kernel=3 stride=2 pad=0,1,0,1", 28),
    ],
)
def test_layer_of_other_tools_is_rewritten(line: str, right: str, side: int) -> None:
    text = ABOVE + line + "\n"
    found = only_diagnostic(text)
    assert found.fixes[0].checks
    changed = apply(found.fixes[0].edits, text)
    assert changed == ABOVE + right + "\n"
    assert valid_net(changed)["up"].output[1:] == (side, side)


def test_output_padding_that_is_no_number_is_explained() -> None:
    found = only_diagnostic(ABOVE + "deconv filters=4 kernel=3 stride=2 pad=1 output_padding=x")
    assert (found.code, found.fixes) == ("unknown-key", ())
    assert "pad=1,0,1,0 for padding=1, output_padding=1" in found.notes[0]


def test_convolution_and_its_adjoint_may_share_weights() -> None:
    """As in an autoencoder with tied weights: 5 x 8 kernels read the 8 maps, and make them of the 5."""
    net = valid_net(f"{IMAGE}[down] conv filters=5 kernel=3\n[up] deconv filters=8 kernel=3 stride=2 weights=down")
    assert list(net.graph.parameters) == ["down.weight", "down.bias", "up.bias"]
    net = valid_net(f"{IMAGE}[up] deconv filters=5 kernel=3\n[down] conv filters=8 kernel=3 weights=up bias=none")
    assert list(net.graph.parameters) == ["up.weight", "up.bias"]


@pytest.mark.parametrize(("settings", "has"), [("", "up needs 5x4x3x3"), ("gpus 2\n", "up needs")])
def test_other_weights_than_the_adjoints(settings: str, has: str) -> None:
    text = f"{settings}{IMAGE}[down] conv filters={'8' if settings else '5'} kernel=3\n"
    found = only_diagnostic(text + f"[up] deconv filters={8 if settings else 4} kernel=3 weights=down")
    assert found.code == "weights-mismatch" and found.notes[0].startswith(has)


SMALL = st.integers(1, 5)


@given(st.tuples(SMALL, SMALL), st.tuples(SMALL, SMALL), st.tuples(SMALL, SMALL), st.integers(1, 9))
def test_same_pad_multiplies_the_size_by_the_stride(
    kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], size: int
) -> None:
    window = TransposedWindow(kernel, stride, Pad(9, 9, 9, 9), dilation).with_same_pad()
    rows, columns = window.fit(size, size)
    assert (rows.output, columns.output) == (size * stride[0], size * stride[1])
    assert window.pad.right - window.pad.left in (0, 1) or (window.pad.left == 0 > window.pad.right)
    assert window.needed_size("height", size * stride[0]) == size


@pytest.mark.parametrize(
    ("line", "fixes"),
    [
        ("deconv filters=8 kernel=4 stride=2 init=bilinear", ["write groups=4"]),
        ("deconv filters=8 kernel=4 stride=2 groups=2 init=bilinear", ["write groups=4"]),
        ("conv filters=4 kernel=3 init=bilinear", ["write groups=4"]),
        ("deconv filters=3 kernel=4 stride=2 init=bilinear", []),
        ("deconv filters=8 kernel=4 stride=2 inputs=i,i init=bilinear", []),
    ],
)
def test_kernels_of_an_interpolation_are_not_for_sums(line: str, fixes: list[str]) -> None:
    text = f"[i] input 4x8x8\n[u] {line}\n"
    found = next(w for w in netspec.loads(text).warnings if w.code == "maps-summed")
    assert [fix.title for fix in found.fixes] == fixes
    for fix in found.fixes:
        assert netspec.loads(apply(fix.edits, text)).warnings == ()
