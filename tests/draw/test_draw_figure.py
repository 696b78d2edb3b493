"""Figures as a reader sees them: every layer named, nothing on top of anything else, crossings where groups meet."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pytest
from drawings import (
    BRANCHING,
    EXPLICIT,
    FOUR,
    INCEPTION,
    RESIDUAL,
    SPECS,
    TOWERS,
    chain,
    drawn,
    fronts,
    inside,
    lines,
    overlapping,
    points_on,
    random_net,
    random_towers,
    texts,
    words,
)

import netspec
from netspec.draw import Figure, figure_of
from netspec.draw.marks import Slab
from netspec.draw.sheet import PAGE
from netspec.net import Net

NETS: dict[str, Callable[[], Net]] = {
    **{path.stem: partial(netspec.load, path) for path in SPECS},
    **{name: partial(netspec.loads, text) for name, text in {**BRANCHING, **TOWERS, "chain": chain(40)}.items()},
    **{f"random{seed}": partial(random_net, seed) for seed in range(25)},
    **{f"towers{seed}": partial(lambda seed: netspec.loads(random_towers(seed)), seed) for seed in range(25)},
}


@cache
def net(name: str) -> Net:
    return NETS[name]()


@pytest.fixture(params=[*NETS, *(f"{name} with costs" for name in NETS)], scope="module")
def figure(request: pytest.FixtureRequest) -> Figure:
    name = request.param.removesuffix(" with costs")
    return figure_of(net(name), costs=name != request.param)


@pytest.mark.many
def test_no_text_is_on_another(figure: Figure) -> None:
    shown = words(figure)
    assert [(shown[i].text, shown[j].text) for i, j in overlapping([w.box for w in shown])] == []


@pytest.mark.many
def test_no_box_is_on_another_or_on_a_text(figure: Figure) -> None:
    boxes = fronts(figure)
    assert overlapping(boxes) == []
    assert overlapping([*boxes, *(w.box for w in words(figure))]) == []


@pytest.mark.many
def test_no_line_runs_through_a_box_or_a_text(figure: Figure) -> None:
    barred = [*fronts(figure), *(w.box for w in words(figure))]
    for stroke in (*lines(figure, "line"), *lines(figure, "cross")):
        xs, ys = zip(*stroke.points, strict=True)
        near = [b for b in barred if b[0] < max(xs) and b[2] > min(xs) and b[1] < max(ys) and b[3] > min(ys)]
        assert [(p, b) for p in points_on(stroke) for b in near if inside(p, b)] == []


@pytest.mark.many
def test_everything_is_on_the_page_and_large_enough_to_read(figure: Figure) -> None:
    assert figure.width <= PAGE
    for w in words(figure):
        left, top, right, bottom = w.box
        assert w.size >= 10
        assert left >= 0 and top >= 0 and right <= figure.width and bottom <= figure.height
    for left, top, right, bottom in fronts(figure):
        assert left >= 0 and top >= 0 and right <= figure.width and bottom <= figure.height


@pytest.mark.many
@pytest.mark.parametrize("name", NETS)
def test_every_layer_is_named_and_every_shape_told(name: str) -> None:
    told = texts(figure_of(net(name)))
    tags = {text.split()[0] for text in told}
    for layer in net(name).graph.layers.values():
        assert layer.name in told or layer.name in tags
        assert str(layer.output) in told or layer.output == (1,)


@pytest.mark.many
@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_every_spec_fits_one_row_of_the_page(path: Path) -> None:
    for costs in (False, True):
        figure = figure_of(netspec.load(path), costs=costs)
        assert not any(text.startswith("from ") for text in texts(figure))
        assert figure.height < PAGE / 2**0.5


def test_windows_are_told_with_kernel_and_stride() -> None:
    told = texts(figure_of(net("alexnet")))
    assert {"conv 11x11", "stride 4", "maxpool 3x3", "stride 2", "conv 5x5", "stride 1"} <= told


def test_the_towers_show_each_groups_share_beside_the_whole() -> None:
    figure = figure_of(net("alexnet"))
    told = [w.text for w in words(figure)]
    assert told.count("48x55x55") == 2
    assert told.count("96x55x55") == 1
    assert [t for t in told if t.startswith("GPU")] == ["GPU 0", "GPU 1"]
    assert told.count("2048") == 4
    assert told.count("1000") == 1  # fc8 is whole on one group


def test_alexnet_crosses_at_conv3_and_the_fully_connected_layers_only() -> None:
    figure = figure_of(net("alexnet"))
    # conv3, fc6, fc7 read the other group's half: 2 lines each; fc8, on group 0, reads group 1's half: 1.
    assert len(lines(figure, "cross")) == 7 + 1  # and the sample in the legend
    conv3, fc6 = (next(w for w in words(figure) if w.text == name).x for name in ("conv3", "fc6"))
    ends = sorted(line.points[-1][0] for line in lines(figure, "cross")[:-1])
    assert ends[0] == ends[1] and ends[1] < conv3 < ends[2] < fc6


def test_a_crossing_line_has_ends_of_its_own() -> None:
    for name in ("alexnet", "four"):
        figure = figure_of(net(name))
        ends = [{p for s in lines(figure, role) for p in (s.points[0], s.points[-1])} for role in ("line", "cross")]
        assert not ends[0] & ends[1]


@pytest.mark.parametrize("name", ["alexnet-one-gpu", "caffenet", "inception", "residual", "lenet"])
def test_without_gpu_groups_nothing_crosses(name: str) -> None:
    figure = figure_of(net(name))
    assert lines(figure, "cross") == []
    assert "read across GPU groups" not in texts(figure)


def test_four_groups_are_four_towers_of_equal_height() -> None:
    figure = drawn(FOUR)
    bands = [m for m in figure.flat() if isinstance(m, Slab) and m.fill == "band"]
    assert len(bands) == 4
    assert len({round(b.height, 3) for b in bands}) == len({(b.x, b.width) for b in bands}) == 1
    # conv3 and fc read 3 other groups on each of 4; the softmax gathers 4 shares; one is the legend's.
    assert len(lines(figure, "cross")) == 12 + 12 + 4 + 1


def test_values_on_one_group_stand_in_its_tower() -> None:
    figure = drawn(EXPLICIT)
    upper, lower = (m for m in figure.flat() if isinstance(m, Slab) and m.fill == "band")
    height = {name: next(w.y for w in words(figure) if w.text == name) for name in ("left", "right", "meet", "alone")}
    for name, band in (("left", upper), ("right", lower), ("meet", upper), ("alone", lower)):
        assert band.y < height[name] < band.y + band.height
    # meet, on group 0, reads right from group 1; fc, on group 1, reads group 0's half; both crosses nothing.
    assert len(lines(figure, "cross")) == 2 + 1


def test_a_trunk_is_straight_and_the_line_around_it_stands_above() -> None:
    figure = drawn(RESIDUAL)
    curved = [s for s in lines(figure, "line") if s.curved]
    level = {round(y, 1) for s in lines(figure, "line") if not s.curved for _, y in s.points}
    trunk = max(level)
    assert len(level) == 2 and min(level) < trunk
    assert all(min(y for _, y in s.points) < trunk for s in curved) and len(curved) == 2


def test_branches_stand_evenly_about_their_trunk() -> None:
    figure = drawn(INCEPTION)
    y = {w.text: w.y for w in words(figure)}
    assert y["three"] == pytest.approx(y["reduce3"], abs=0.1)
    assert y["five"] == pytest.approx(y["reduce5"], abs=0.1)
    assert y["one"] < y["reduce3"] < y["image"] < y["reduce5"] < y["pool"]
    assert y["image"] == pytest.approx(y["joined"], abs=0.1)


def test_costs_are_told_on_demand_only() -> None:
    assert "w 37.7 M" not in texts(figure_of(net("alexnet")))
    told = texts(figure_of(net("alexnet"), costs=True))
    # 9216 x 4096 weights, each read once.
    assert {"w 37.7 M", "c 37.7 M", "w 34.8 k", "c 105 M", "w: weights, c: connections"} <= told


def test_a_long_network_goes_on_in_rows_that_say_where_they_come_from() -> None:
    figure = figure_of(net("chain"))
    entries = {text for text in texts(figure) if text.startswith("from ")}
    assert len(entries) >= 2
    # The line around everything would be longer than anybody follows: its end says where it comes from.
    assert "from image" not in entries
    assert [w.text for w in words(figure)].count("image") == 2
    assert "also reads" in texts(figure)
