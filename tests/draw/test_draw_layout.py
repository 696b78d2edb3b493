"""The steps of the layout, against values computed by hand."""

from __future__ import annotations

import math

import pytest
from drawings import INCEPTION
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFont

import netspec
from netspec.draw.blocks import Block, blocks_of
from netspec.draw.columns import split_into_rows, wire
from netspec.draw.fonts import text_width, wrap
from netspec.draw.heights import separate
from netspec.draw.scale import scale_for
from netspec.draw.towers import MAX_TOWERS, drawn_towers
from netspec.ir.shape import Shape

heights = st.floats(-1e3, 1e3)


def blocks(text: str) -> tuple[Block, ...]:
    return blocks_of(netspec.loads(text))


def tags(text: str) -> list[list[str]]:
    return [[tag.text for tag in block.tags] for block in blocks(text)]


def test_layer_that_keeps_the_shape_is_a_tag() -> None:
    text = "[x] input 8x9x9\n[c] conv filters=4 kernel=3 neuron=relu\n[n] lrn size=3 k=1 alpha=1 beta=1\n"
    assert tags(f"{text}[d] dropout rate=0.5") == [[], ["relu", "n lrn", "d dropout"]]
    normalised = blocks(f"{text}[m] layernorm\n[g] groupnorm groups=2\n")[1].tags
    assert [(tag.text, tag.kind) for tag in normalised[2:]] == [("m layernorm", "norm"), ("g groupnorm", "norm")]


def test_layer_whose_input_has_other_readers_is_a_block() -> None:
    text = "[x] input 8x9x9\n[c] conv filters=8 kernel=1\n[r] relu\n[s] sum inputs=c,r"
    assert [b.name for b in blocks(text)] == ["x", "c", "r", "s"]


def test_norm_that_reads_all_groups_is_a_block() -> None:
    text = "gpus 2\n[x] input 8x9x9\n[c] conv filters=8 kernel=1\n[n] lrn size=3 k=1 alpha=1 beta=1"
    assert [b.name for b in blocks(text)] == ["x", "c"]
    assert [b.name for b in blocks(f"{text} reads=all")] == ["x", "c", "n"]


def test_groups_are_named_unless_towers_show_them() -> None:
    grouped = "[x] input 8x9x9\n[c] conv filters=8 kernel=1 groups=2"
    assert "groups 2" in blocks(grouped)[1].lines
    split = "gpus 2\n[x] input 8x9x9\n[c] conv filters=8 kernel=1\n[d] conv filters=8 kernel=1"
    assert [b.lines for b in blocks(split)[1:]] == [("conv 1x1", "stride 1")] * 2
    whole = blocks(f"{split}\n[e] conv filters=8 kernel=1 groups=4 reads=all")[3]
    assert whole.lines == ("conv 1x1", "stride 1", "groups 4")


def test_connection_table_shows_its_number_of_kernels() -> None:
    assert "3 of 8 kernels" in blocks("[x] input 4x9x9\n[c] conv filters=2 kernel=1 table=0+2,1")[1].lines


@pytest.mark.parametrize(
    ("layer", "lines"),
    [
        ("pixelshuffle factor=2", ("pixelshuffle", "factor 2")),
        ("pixelunshuffle factor=3", ("pixelunshuffle", "factor 3")),
        ("upsample factor=2", ("upsample", "factor 2")),
        ("upsample factor=1x3", ("upsample", "factor 1x3")),
    ],
)
def test_labels_say_by_how_much_maps_grow_or_shrink(layer: str, lines: tuple[str, ...]) -> None:
    assert blocks(f"[x] input 4x9x9\n[c] {layer}")[1].lines == lines


def test_shared_weights_are_a_tag() -> None:
    text = "[x] input 8x9x9\n[c] conv filters=8 kernel=1\n[d] conv filters=8 kernel=1 weights=c"
    assert tags(text) == [[], [], ["weights of c"]]


def test_columns_are_the_depths_of_layers() -> None:
    inception = blocks(INCEPTION)
    column = {b.name: c for b, c in zip(inception, wire(inception, 1).column, strict=True)}
    first_layers = dict.fromkeys(("one", "reduce3", "reduce5", "pool"), 1)
    assert column == {"image": 0, **first_layers, "three": 2, "five": 2, "proj": 2, "joined": 3}


def test_too_many_groups_are_drawn_as_one_tower() -> None:
    assert drawn_towers(MAX_TOWERS, ()) == MAX_TOWERS
    assert drawn_towers(MAX_TOWERS + 1, ()) == 1


def test_lengths_are_proportional_to_square_roots() -> None:
    scale = scale_for([Shape(3, 224, 224), Shape(96, 56, 56)])
    large, small = scale.solid(Shape(3, 224, 224)), scale.solid(Shape(96, 56, 56))
    assert large.front_height == pytest.approx(2 * small.front_height)  # 224 = 4 x 56
    assert small.front_width == pytest.approx(math.sqrt(32) * large.front_width)  # 96 = 32 x 3


def test_blocks_with_the_same_target_are_placed_around_it() -> None:
    assert separate([0.0, 0.0], [1.0, 1.0], [10.0]) == [-5.0, 5.0]
    assert separate([0.0, 0.0], [3.0, 1.0], [8.0]) == [-2.0, 6.0]
    assert separate([0.0, 20.0], [1.0, 1.0], [10.0]) == [0.0, 20.0]


@given(st.lists(st.tuples(heights, st.floats(0.01, 100), st.floats(0, 50)), min_size=1, max_size=8))
def test_separate_keeps_distances_with_optimal_shift(items: list[tuple[float, float, float]]) -> None:
    targets, weights, distances = (list(part) for part in zip(*items, strict=True))
    placed = separate(targets, weights, distances[1:])
    assert all(b - a >= d - 1e-6 for a, b, d in zip(placed, placed[1:], distances[1:], strict=False))
    # Their weighted mean is that of the targets: otherwise shifting all of them would be better.
    off = sum(w * (p - x) for p, x, w in zip(placed, targets, weights, strict=True))
    assert off == pytest.approx(0, abs=1e-5 * sum(weights) * 1e3)


def test_rows_are_few_and_even() -> None:
    assert split_into_rows([10.0] * 6, [0.0] * 6, [1] * 6, [60.0] * 6) == [range(6)]
    assert split_into_rows([10.0] * 6, [0.0] * 6, [1] * 6, [40.0] * 6) == [range(3), range(3, 6)]
    assert split_into_rows([10.0] * 6, [5.0] * 6, [1] * 6, [40.0] * 6) == [range(3), range(3, 6)]  # 10 5 10 5 10


def test_rows_end_where_few_lines_continue() -> None:
    cut = [0, 1, 9, 9, 1, 9]
    assert split_into_rows([10.0] * 6, [0.0] * 6, cut, [40.0] * 6) == [range(4), range(4, 6)]


def test_block_wider_than_the_page_has_its_own_row() -> None:
    assert split_into_rows([10.0, 99.0, 10.0], [0.0] * 3, [1] * 3, [50.0] * 3) == [range(1), range(1, 2), range(2, 3)]


def test_rows_have_the_room_that_their_first_column_leaves() -> None:
    """A row that begins with column 3 has lines with long names entering it, and no room for three columns."""
    rooms = [40.0, 40.0, 40.0, 20.0, 40.0, 40.0]
    assert split_into_rows([10.0] * 6, [0.0] * 6, [1] * 6, rooms) == [range(4), range(4, 6)]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_text_width_is_at_least_that_of_pillows_font(text: str) -> None:
    # At 200 pixels, the font's rounding of each letter to whole pixels is negligible.
    assert text_width(text, 200) >= 0.98 * ImageFont.load_default(200).getlength(text)
    assert text_width(text, 200, bold=True) >= 1.1 * text_width(text, 200)


def test_long_names_wrap_after_separators() -> None:
    assert wrap("inception_3a_output", 10, 70) == ("inception_3a_", "output")
    assert wrap("short", 10, 70) == ("short",)
    assert wrap("x" * 200, 10, 30)[-1].endswith("…")
    assert all(text_width(line, 10) <= 30 for line in wrap("w" * 9, 10, 30))
