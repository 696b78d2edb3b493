"""Figures as a reader sees them: all layers are named, nothing overlaps, and lines cross where GPU groups meet."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pytest
from classics import classic
from drawings import (
    BRANCHING,
    EXPLICIT,
    FOUR,
    INCEPTION,
    RESIDUAL,
    SPECS,
    TOWERS,
    chain,
    figure_of_text,
    fronts,
    inside,
    lines,
    overlapping,
    points_on,
    random_net,
    random_towers,
    text_box,
    text_marks,
    texts,
)

import netspec
from netspec.draw import Figure, figure_of
from netspec.draw.marks import Slab
from netspec.draw.sheet import PAGE
from netspec.net import Net

NETS: dict[str, Callable[[], Net]] = {
    **{path.stem: partial(netspec.load, path) for path in SPECS},
    **{name: partial(classic, name) for name in ("convnext-t", "googlenet", "resnet-18")},
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
def test_texts_do_not_overlap(figure: Figure) -> None:
    marks = text_marks(figure)
    assert [(marks[i].text, marks[j].text) for i, j in overlapping([*map(text_box, marks)])] == []


@pytest.mark.many
def test_boxes_overlap_neither_boxes_nor_texts(figure: Figure) -> None:
    boxes = fronts(figure)
    assert overlapping(boxes) == []
    assert overlapping([*boxes, *map(text_box, text_marks(figure))]) == []


@pytest.mark.many
def test_lines_avoid_boxes_and_texts(figure: Figure) -> None:
    obstacles = [*fronts(figure), *map(text_box, text_marks(figure))]
    for stroke in (*lines(figure, "line"), *lines(figure, "cross")):
        xs, ys = zip(*stroke.points, strict=True)
        near = [b for b in obstacles if b[0] < max(xs) and b[2] > min(xs) and b[1] < max(ys) and b[3] > min(ys)]
        assert [(p, b) for p in points_on(stroke) for b in near if inside(p, b)] == []


@pytest.mark.many
def test_everything_is_on_the_page_and_legible(figure: Figure) -> None:
    assert figure.width <= PAGE
    for w in text_marks(figure):
        left, top, right, bottom = text_box(w)
        assert w.size >= 10
        assert left >= 0 and top >= 0 and right <= figure.width and bottom <= figure.height
    for left, top, right, bottom in fronts(figure):
        assert left >= 0 and top >= 0 and right <= figure.width and bottom <= figure.height


@pytest.mark.many
@pytest.mark.parametrize("name", NETS)
def test_figure_shows_every_layer_name_and_shape(name: str) -> None:
    shown = texts(figure_of(net(name)))
    tags = {text.split()[0] for text in shown}
    halves = [text for text in shown if text.endswith("-")]
    for layer in net(name).graph.layers.values():
        whole = layer.name in shown or layer.name in tags
        assert whole or any(layer.name.startswith(half) and layer.name[len(half) :] in shown for half in halves)
        assert str(layer.output) in shown or layer.output == (1,)


@pytest.mark.many
@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_shipped_specs_fit_one_row(path: Path) -> None:
    for costs in (False, True):
        figure = figure_of(netspec.load(path), costs=costs)
        assert not any(text.startswith("from ") for text in texts(figure))
        assert figure.height < PAGE / 2**0.5


def test_windows_show_kernel_and_stride() -> None:
    shown = texts(figure_of(net("alexnet")))
    assert {"conv 11x11", "stride 4", "maxpool 3x3", "stride 2", "conv 5x5", "stride 1"} <= shown


def test_towers_show_each_groups_share() -> None:
    figure = figure_of(net("alexnet"))
    shown = [w.text for w in text_marks(figure)]
    assert shown.count("48x55x55") == 2
    assert shown.count("96x55x55") == 1
    assert [t for t in shown if t.startswith("GPU")] == ["GPU 0", "GPU 1"]
    assert shown.count("2048") == 4
    assert shown.count("1000") == 1  # fc8 is whole on one group


@pytest.mark.parametrize(
    ("groups", "words", "labels"),
    [
        (2, ", 2 GPU groups as parallel towers:", {"dilation 2", "GPU 0", "GPU 1"}),
        (64, ":", {"dilation 2", "split over 64 GPUs", "on GPU 1"}),
    ],
)
def test_many_gpu_groups_are_labels_and_not_towers(groups: int, words: str, labels: set[str]) -> None:
    text = f"net n\ngpus {groups}\n[i] input 3x8x8\n[c] conv filters=64 kernel=3 dilation=2\n[f] fc outputs=9 gpu=1\n"
    figure = figure_of_text(text)
    assert figure.description.startswith(f"The network n from left to right{words} i 3x8x8")
    assert {t for t in texts(figure) if "GPU" in t.split() or "split" in t or "dilation" in t} >= labels
    assert ("on GPU 1" in texts(figure)) == (groups == 64)


def test_alexnets_lines_cross_only_at_conv3_and_fc_layers() -> None:
    figure = figure_of(net("alexnet"))
    # conv3, fc6, fc7 read the other group's half: 2 lines each; fc8, on group 0, reads group 1's half: 1.
    assert len(lines(figure, "cross")) == 7 + 1  # and the sample in the legend
    conv3, fc6 = (next(w for w in text_marks(figure) if w.text == name).x for name in ("conv3", "fc6"))
    ends = sorted(line.points[-1][0] for line in lines(figure, "cross")[:-1])
    assert ends[0] == ends[1] and ends[1] < conv3 < ends[2] < fc6


def test_crossing_lines_share_no_endpoints_with_others() -> None:
    for name in ("alexnet", "four"):
        figure = figure_of(net(name))
        ends = [{p for s in lines(figure, role) for p in (s.points[0], s.points[-1])} for role in ("line", "cross")]
        assert not ends[0] & ends[1]


@pytest.mark.parametrize("name", ["alexnet-one-gpu", "caffenet", "inception", "residual", "lenet"])
def test_figure_without_gpu_groups_has_no_crossing_lines(name: str) -> None:
    figure = figure_of(net(name))
    assert lines(figure, "cross") == []
    assert "read across GPU groups" not in texts(figure)


def test_four_groups_give_four_towers_of_equal_height() -> None:
    figure = figure_of_text(FOUR)
    bands = [m for m in figure.flat() if isinstance(m, Slab) and m.fill == "band"]
    assert len(bands) == 4
    assert len({round(b.height, 3) for b in bands}) == len({(b.x, b.width) for b in bands}) == 1
    # conv3 and fc read 3 other groups on each of 4; the softmax gathers 4 shares; one is the legend's.
    assert len(lines(figure, "cross")) == 12 + 12 + 4 + 1


def test_layer_on_one_group_is_in_its_tower() -> None:
    figure = figure_of_text(EXPLICIT)
    upper, lower = (m for m in figure.flat() if isinstance(m, Slab) and m.fill == "band")
    height = {
        name: next(w.y for w in text_marks(figure) if w.text == name) for name in ("left", "right", "meet", "alone")
    }
    for name, band in (("left", upper), ("right", lower), ("meet", upper), ("alone", lower)):
        assert band.y < height[name] < band.y + band.height
    # meet, on group 0, reads right from group 1; fc, on group 1, reads group 0's half; both crosses nothing.
    assert len(lines(figure, "cross")) == 2 + 1


def test_trunk_is_straight_with_the_bypass_above_it() -> None:
    figure = figure_of_text(RESIDUAL)
    curved = [s for s in lines(figure, "line") if s.curved]
    level = {round(y, 1) for s in lines(figure, "line") if not s.curved for _, y in s.points}
    trunk = max(level)
    assert len(level) == 2 and min(level) < trunk
    assert all(min(y for _, y in s.points) < trunk for s in curved) and len(curved) == 2


def test_branches_are_symmetric_about_the_trunk() -> None:
    figure = figure_of_text(INCEPTION)
    y = {w.text: w.y for w in text_marks(figure)}
    assert y["three"] == pytest.approx(y["reduce3"], abs=0.1)
    assert y["five"] == pytest.approx(y["reduce5"], abs=0.1)
    assert y["one"] < y["reduce3"] < y["image"] < y["reduce5"] < y["pool"]
    assert y["image"] == pytest.approx(y["joined"], abs=0.1)


def test_costs_are_shown_only_on_request() -> None:
    assert "w 37.7 M" not in texts(figure_of(net("alexnet")))
    shown = texts(figure_of(net("alexnet"), costs=True))
    # 9216 x 4096 weights, each read once.
    assert {"w 37.7 M", "c 37.7 M", "w 34.8 k", "c 105 M", "w: weights, c: connections"} <= shown


def test_long_network_continues_in_labelled_rows() -> None:
    figure = figure_of(net("chain"))
    entries = {text for text in texts(figure) if text.startswith("from ")}
    assert len(entries) >= 2
    # The bypass would be too long to follow, so that its end is labelled with its source instead.
    assert "from image" not in entries
    assert [w.text for w in text_marks(figure)].count("image") == 2
    assert "also reads" in texts(figure)
