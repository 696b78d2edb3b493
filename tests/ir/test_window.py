"""Window arithmetic: published cases by hand, and random ones against windows enumerated one by one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.fault import Fault
from netspec.ir.window import ROUNDINGS, Axis, Pad, Rounding, TransposedWindow, Window, WindowKind


def square(
    kernel: int,
    stride: int = 1,
    pad: int = 0,
    rounding: Rounding = "exact",
    kind: WindowKind = "conv",
    dilation: int = 1,
) -> Window:
    return Window((kernel, kernel), (stride, stride), Pad(pad, pad, pad, pad), (dilation, dilation), rounding, kind)


@pytest.mark.parametrize(
    ("window", "size", "axis"),
    [
        # AlexNet's first layer: 55 from 227; from 224 only with an overhang of 3, with pads 1 and 2, or with pad 2.
        (square(11, 4), 227, Axis(55, 0, 0)),
        (square(11, 4, rounding="down"), 224, Axis(54, 0, 1)),
        (square(11, 4, rounding="up"), 224, Axis(55, 3, 0)),
        (square(11, 4, rounding="caffe"), 224, Axis(54, 0, 1)),
        (square(11, 4, rounding="caffe", kind="pool"), 224, Axis(55, 3, 0)),
        (square(11, 4, pad=2, rounding="down"), 224, Axis(55, 1, 0)),
        (Window((11, 11), (4, 4), Pad(1, 2, 1, 2)), 224, Axis(55, 2, 0)),
        # Its pools: 3 at stride 2 tiles 55, 27 and 13; 2 at stride 2 does not tile 55.
        (square(3, 2, kind="pool"), 55, Axis(27, 0, 0)),
        (square(3, 2, kind="pool"), 27, Axis(13, 0, 0)),
        (square(3, 2, kind="pool"), 13, Axis(6, 0, 0)),
        (square(2, 2, rounding="down", kind="pool"), 55, Axis(27, 0, 1)),
        (square(2, 2, rounding="up", kind="pool"), 55, Axis(28, 1, 0)),
        # "Same" convolutions read all of their padding.
        (square(5, pad=2), 27, Axis(27, 2, 0)),
        (square(3, pad=1), 13, Axis(13, 1, 0)),
        # Padding that no window reaches when rounding down is not overhang: starts -1, 2; the last ends with pixel 4.
        (square(3, 3, pad=1, rounding="down"), 5, Axis(2, 0, 0)),
        # Caffe drops a pooling window that would start outside the image: starts -1, 1, 3 and not 5.
        (square(2, 2, pad=1, rounding="caffe", kind="pool"), 5, Axis(3, 0, 0)),
        # A dilated kernel of 3 spans 5; a stride larger than the kernel leaves pixels at the end.
        (square(3, dilation=2), 7, Axis(3, 0, 0)),
        (square(1, 3, rounding="down"), 6, Axis(2, 0, 2)),
        # A dilation may step over a small image, but not from these starts: pixels -5 and 0, and 0 and 5.
        (Window((2, 2), (5, 5), Pad(5, 3, 5, 3), (5, 5)), 3, Axis(2, 3, 0)),
    ],
)
def test_positions_by_hand(window: Window, size: int, axis: Axis) -> None:
    assert window.fit(size, size) == (axis, axis)


def test_rows_and_columns_are_computed_separately() -> None:
    window = Window((3, 5), (2, 1), Pad(left=1, right=2, top=0, bottom=1), (1, 2), "down")
    # rows: extent 3, (8 + 0 + 1 - 3) / 2 + 1 = 4, the last starts at 6 and ends with 8, one beyond pixel 7;
    # columns: extent 9, (10 + 1 + 2 - 9) / 1 + 1 = 5, the last starts at 3 and ends with 11, two beyond pixel 9.
    assert window.extent == (3, 9)
    assert window.area == 15
    assert window.fit(8, 10) == (Axis(4, 1, 0), Axis(5, 2, 0))
    assert window.effective_pad(8, 10) == Pad(left=1, right=2, top=0, bottom=1)


def test_effective_pad_of_alexnets_first_layer() -> None:
    assert square(11, 4, rounding="up").effective_pad(224, 224) == Pad(0, 3, 0, 3)
    assert square(11, 4, pad=2, rounding="down").effective_pad(224, 224) == Pad(2, 1, 2, 1)


def test_with_rounding_only_changes_the_rounding() -> None:
    assert square(11, 4).with_rounding("up") == square(11, 4, rounding="up")


def test_input_size_that_a_transposed_window_needs() -> None:
    window = TransposedWindow((4, 4), (2, 2), Pad(1, 1, 1, 1))
    # (16 - 1) * 2 + 4 - 1 - 1 = 32, and sizes between 32 and 34 are not reached.
    assert [window.needed_size("height", size) for size in (32, 33, 34)] == [16, None, 17]


@pytest.mark.parametrize(
    ("window", "size", "code", "notes"),
    [
        (
            square(11, 4),
            224,
            "window-does-not-tile",
            ("width: (224 + 0 + 0 - 11) / 4 + 1 = 54.25, not a whole number",),
        ),
        (square(5, pad=1), 2, "kernel-too-large", ("width: the kernel spans 5, the input has 2 + 1 + 1 = 4",)),
        (square(3, dilation=3), 6, "kernel-too-large", ("width: the kernel spans 7, the input has 6 + 0 + 0 = 6",)),
        (
            square(2, 2, pad=2),
            4,
            "window-outside-image",
            (
                "width: (4 + 2 + 2 - 2) / 2 + 1 = 4, 4 places",
                "the first one covers pixels -2 to -1 of an image with 0 to 3",
            ),
        ),
        (
            square(2, 2, pad=1, rounding="up", kind="pool"),
            5,
            "window-outside-image",
            (
                "width: (5 + 1 + 1 - 2) / 2 + 1 = 3.5, 4 places",
                "the last one covers pixels 5 to 6 of an image with 0 to 4",
            ),
        ),
        (
            square(2, pad=2, dilation=5),
            3,
            "window-outside-image",
            ("width: from pixel -2 in steps of 5, over an image with 0 to 2",),
        ),
        (
            Window((2, 1), pad=Pad(0, 0, 2, 2), dilation=(5, 1)),
            3,
            "window-outside-image",
            ("height: from pixel -2 in steps of 5, over an image with 0 to 2",),
        ),
    ],
)
def test_faults_show_the_arithmetic(window: Window, size: int, code: str, notes: tuple[str, ...]) -> None:
    with pytest.raises(Fault) as caught:
        window.fit(size, size)
    assert (caught.value.code, caught.value.notes) == (code, notes)


def test_fault_names_the_failing_axis() -> None:
    with pytest.raises(Fault) as caught:
        square(11, 4).fit(227, 224)
    assert caught.value.notes[0].startswith("width: ")


def test_largest_dilation_and_padding_are_fast() -> None:
    window = Window((1, 2), (1, 1), Pad(2**16, 0, 0, 0), (1, 2**16), "down")
    start = time.process_time()
    for _ in range(20):
        # No start from -65536 to -1 misses the image: the kernel's second element is at a pixel from 0 to 65535.
        assert window.fit(1, 10**9) == (Axis(1, 0, 0), Axis(10**9, 0, 0))
    assert time.process_time() - start < 5


# One axis: kernel, stride, padding before and after, dilation, rounding, kind, size.
axes = st.tuples(
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(1, 4),
    st.sampled_from(ROUNDINGS),
    st.sampled_from(["conv", "pool"]),
    st.integers(1, 12),
)


def enumerate_starts(
    extent: int, stride: int, before: int, after: int, rounding: str, kind: str, size: int
) -> list[int] | None:
    """The starts of windows, enumerated until the rounding ends them; ``None`` if ``exact`` is not met."""
    end = size + after
    starts = [-before]
    while starts[-1] + stride + extent <= end:
        starts.append(starts[-1] + stride)
    if starts[-1] + extent == end:
        return starts
    if rounding == "exact":
        return None
    if rounding == "up" or (rounding == "caffe" and kind == "pool"):
        starts.append(starts[-1] + stride)
    return starts


@given(axes)
def test_fit_agrees_with_enumerated_windows(axis: tuple[int, int, int, int, int, Rounding, WindowKind, int]) -> None:
    kernel, stride, before, after, dilation, rounding, kind, size = axis
    window = Window((kernel, 1), (stride, 1), Pad(0, 0, before, after), (dilation, 1), rounding, kind)
    extent = (kernel - 1) * dilation + 1
    try:
        rows, _ = window.fit(size, 1)
    except Fault as fault:
        result: Axis | str = fault.code
    else:
        result = rows
    if extent > before + size + after:
        assert result == "kernel-too-large"
        return
    starts = enumerate_starts(extent, stride, before, after, rounding, kind, size)
    if starts is None:
        assert result == "window-does-not-tile"
        return
    if rounding == "caffe" and kind == "pool" and len(starts) > 1 and starts[-1] >= size:
        starts = starts[:-1]
    pixels = [{start + i * dilation for i in range(kernel)} & set(range(size)) for start in starts]
    if not all(pixels):
        assert result == "window-outside-image"
        return
    reach = starts[-1] + extent
    unread = sum(pixel >= reach for pixel in range(size))
    assert result == Axis(len(starts), max(0, reach - size), unread)


@given(axes)
def test_effective_pad_gives_the_same_positions_rounded_down(
    axis: tuple[int, int, int, int, int, Rounding, WindowKind, int],
) -> None:
    kernel, stride, before, after, dilation, rounding, kind, size = axis
    window = Window((kernel, 1), (stride, 1), Pad(0, 0, before, after), (dilation, 1), rounding, kind)
    try:
        rows, _ = window.fit(size, 1)
    except Fault:
        return
    pad = window.effective_pad(size, 1)
    floor = Window(window.kernel, window.stride, pad, window.dilation, "down", kind)
    assert floor.fit(size, 1)[0] == rows
