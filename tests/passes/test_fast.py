"""Which passes are on where, and what each finds in a graph."""

from __future__ import annotations

from dataclasses import replace

import pytest
from checking import SPECS, good

import netspec
from netspec.ir.ops import Conv
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window
from netspec.passes.fast import ALL, NAMES, PASSES, PLAIN, ComputeTarget, Unshuffle, enabled_passes, forms_of
from netspec.passes.fast.lrn_chain import chains
from netspec.passes.fast.space_to_depth import unshuffle

ALEXNET = netspec.load(SPECS / "alexnet.net").graph
CPU, CUDA = ComputeTarget("cpu", "fp32"), ComputeTarget("cuda", "bf16")


def test_every_pass_can_be_switched_off_by_its_name_and_all_by_one_word() -> None:
    for where in (CPU, CUDA):
        on = enabled_passes(where)
        assert on and set(on) <= set(NAMES)
        for name in on:
            assert enabled_passes(where, (name,)) == tuple(other for other in on if other != name)
        assert enabled_passes(where, (ALL,)) == ()
    assert forms_of(ALEXNET, ()) == PLAIN


def test_what_is_said_of_a_pass_is_what_is_done() -> None:
    for one in PASSES:
        assert one.why["cpu"].startswith("on" if one.pays(CPU) else "off"), one.name
        assert one.why["cuda"].startswith("on" if one.pays(CUDA) else "off"), one.name


def test_alexnets_first_convolution_is_3x3_over_48_channels() -> None:
    assert forms_of(ALEXNET, ("space-to-depth",)).unshuffled == {
        "conv1:conv": Unshuffle(stride=(4, 4), top=0, left=0, size=(228, 228), kernel=(12, 12))
    }


@pytest.mark.parametrize(
    ("op", "x"),
    [
        (Conv(8, Window((3, 3))), Shape(3, 9, 9)),  # no stride
        (Conv(8, Window((3, 3), (2, 2))), Shape(16, 9, 9)),  # many channels
        (Conv(8, Window((3, 3), (2, 2), dilation=(2, 2))), Shape(3, 9, 9)),  # gaps in the kernel
        (Conv(8, Window((1, 1), (2, 2))), Shape(3, 9, 9)),  # pixels between the windows
    ],
)
def test_other_convolutions_stay(op: Conv, x: Shape) -> None:
    assert unshuffle(op, x) is None


def test_pixels_beyond_the_last_window_are_cut_off() -> None:
    # Windows at 0 and 2 of 6 pixels: the last column is not read, and two blocks of the kernel reach to pixel 5.
    assert unshuffle(Conv(8, Window((3, 3), (2, 2), Pad(1, 0, 1, 0), rounding="down")), Shape(3, 6, 6)) == Unshuffle(
        stride=(2, 2), top=1, left=1, size=(8, 8), kernel=(4, 4)
    )


def test_alexnets_chains_take_in_the_relu_before_and_the_pooling_after() -> None:
    found = chains(ALEXNET)
    assert {name: chain.absorbed for name, chain in found.items()} == {
        "norm1": ("conv1", "pool1"),
        "norm2": ("conv2", "pool2"),
    }
    assert all(chain.relu and chain.pool is not None for chain in found.values())


def test_alexnets_other_convolutions_take_in_their_relus() -> None:
    every = ("lrn-chain", "grouped-conv", "bias-relu")
    assert forms_of(ALEXNET, every).rectified == {f"conv{n}:conv": f"conv{n}" for n in (3, 4, 5)}
    assert forms_of(ALEXNET, ("bias-relu",)).rectified == {f"conv{n}:conv": f"conv{n}" for n in (1, 2, 3, 4, 5)}


def test_a_chain_adds_the_bias_of_a_convolution_that_nothing_else_reads() -> None:
    both = ("lrn-chain", "bias-relu")
    assert {name: chain.biased for name, chain in forms_of(ALEXNET, both).chains.items()} == {
        "norm1": "conv1:conv",
        "norm2": "conv2:conv",
    }
    assert all(chain.biased is None for chain in forms_of(ALEXNET, ("lrn-chain",)).chains.values())
    text = "[image] input 3x9x9\n[c] conv filters=4 kernel=3 {}\n"
    text += "[n] lrn size=3 k=1 alpha=0.1 beta=0.75\n{}[f] fc inputs={} outputs=2\n"
    cases = {
        ("neuron=relu", "", "n"): "c:conv",
        ("", "", "n"): "c",
        ("bias=none", "", "n"): None,
        ("", "[j] sum inputs=c,n\n", "j"): None,
    }
    for words, biased in cases.items():
        assert forms_of(good(text.format(*words)).graph, both).chains["n"].biased == biased, words


def test_cudnn_tries_algorithms_where_there_is_a_convolution() -> None:
    assert forms_of(ALEXNET, ("cudnn-benchmark",)).benchmarked
    assert forms_of(good("[image] input 1x8x8\n[f] fc outputs=2\n").graph, ("cudnn-benchmark",)).passes == ()


def test_poolings_that_no_chain_has_read_a_copy_unless_channels_lie_side_by_side_already() -> None:
    assert forms_of(ALEXNET, ("max-pool",)).pools == {"pool1", "pool2", "pool5"}
    assert forms_of(ALEXNET, ("max-pool", "lrn-chain")).pools == {"pool5"}
    assert forms_of(ALEXNET, ("max-pool", "channels-last")).pools == frozenset()
    last = replace(ALEXNET, train=replace(ALEXNET.train, channels_last=True))
    assert forms_of(last, ("max-pool",)).passes == ()


@pytest.mark.parametrize(
    ("channels", "window", "copied"),
    [(16, "kernel=2 stride=2", True), (15, "kernel=2 stride=2", False), (16, "kernel=1 stride=2", False)],
)
def test_poolings_of_few_channels_or_single_pixels_stay(channels: int, window: str, copied: bool) -> None:
    graph = good(f"net a rounding=down\n[image] input {channels}x8x8\n[p] maxpool {window}\n[f] fc outputs=2\n").graph
    assert (forms_of(graph, ("max-pool",)).pools == {"p"}) == copied


@pytest.mark.parametrize(
    ("pool", "summed"),
    [
        ("avgpool kernel=3 stride=2", True),
        ("avgpool kernel=3 stride=3", False),  # windows that share nothing
        ("avgpool kernel=7 stride=1", False),  # three windows in a row
        ("avgpool kernel=1 stride=2", False),
        ("avgpool kernel=global", False),
        ("avgpool kernel=3 stride=3 pad=2,1,1,0", True),  # PyTorch has none that is padded so
        ("sumpool kernel=3 stride=3", True),
        ("sumpool kernel=global", True),
        ("maxpool kernel=3 stride=2", False),
    ],
)
def test_average_and_sum_poolings_add_up_rows_where_that_is_faster(pool: str, summed: bool) -> None:
    graph = good(f"net a rounding=down\n[image] input 3x9x9\n[p] {pool}\n[f] fc outputs=2\n").graph
    assert (forms_of(graph, ("avg-pool",)).sums == {"p"}) == summed
    assert forms_of(graph, ("avg-pool", "channels-last")).sums == frozenset()


@pytest.mark.parametrize(
    ("image", "keys", "patched"), [("1x9x9", "", True), ("2x9x9", "", False), ("2x9x9", " groups=2", False)]
)
def test_convolutions_over_one_channel_have_another_gradient(image: str, keys: str, patched: bool) -> None:
    graph = good(f"[image] input {image}\n[c] conv filters=4 kernel=3{keys}\n[f] fc outputs=2\n").graph
    assert forms_of(graph, ("im2col",)).patched == ({"c"} if patched else set())


def test_few_images_at_a_time_are_not_worth_another_gradient() -> None:
    graph = good("[image] input 1x9x9\n[c] conv filters=4 kernel=3\n[f] fc outputs=2\n").graph
    # 7 x 7 places of 9 pixels are 441 numbers of patches an image: 297 images have 130,977, 298 have 131,418.
    assert forms_of(graph, ("im2col",), 297) == PLAIN
    assert forms_of(graph, ("im2col",), 298).passes == ("im2col",)
    low = replace(graph, train=replace(graph.train, precision="bf16"))
    assert forms_of(low, ("im2col",), 298) == PLAIN


def test_averages_of_few_numbers_are_not_worth_another_form() -> None:
    text = "net a rounding=down\n[image] input 3x9x9\n[p] {}\n[f] fc outputs=2\n"
    # 3 x 9 x 9 are 243 numbers: 269 images have 65,367, 270 have 65,610.
    averages = good(text.format("avgpool kernel=3 stride=2")).graph
    assert forms_of(averages, ("avg-pool",), 269) == PLAIN
    assert forms_of(averages, ("avg-pool",), 270).passes == ("avg-pool",)
    for pool in ("sumpool kernel=3 stride=3", "avgpool kernel=3 stride=3 pad=2,1,1,0"):  # PyTorch has neither
        assert forms_of(good(text.format(pool)).graph, ("avg-pool",), 1).passes == ("avg-pool",)


def test_the_bias_of_several_convolutions_takes_in_their_relu() -> None:
    text = "[image] input 3x8x8\n[a] conv filters=4 kernel=3\n[c] conv inputs=a,a filters=4 kernel=3 neuron=relu\n"
    graph = good(f"{text}[f] fc outputs=2 inputs=a,c neuron=relu\n").graph
    assert forms_of(graph, ("bias-relu",)).rectified == {"c:bias": "c"}


@pytest.mark.parametrize(
    "text",
    [
        "[c] conv filters=4 kernel=3 bias=none neuron=relu",  # there is no bias
        "[c] conv filters=4 kernel=3 neuron=tanh",
        "[c] conv filters=4 kernel=3\n[r] relu",  # the other layer's value is not the file's any more
        "[b] conv filters=4 kernel=3\n[c] sum inputs=b,b neuron=relu",
    ],
)
def test_other_relus_stay(text: str) -> None:
    graph = good(f"[image] input 3x8x8\n{text}\n[f] fc outputs=2\n").graph
    assert forms_of(graph, ("bias-relu",)).rectified == {}


@pytest.mark.parametrize(
    ("text", "absorbed"),
    [
        ("[n] lrn size=3 k=1 alpha=1 beta=1\n[p] maxpool kernel=2\n[q] avgpool kernel=2 inputs=n\n"
         "[s] sum inputs=p,q", ["c"]),  # two read the normalised maps
        ("[n] lrn size=3 k=1 alpha=1 beta=1\n[s] sum inputs=c,n", None),  # two read the ReLU's
        ("[n] lrn size=3 k=1 alpha=1 beta=1\n[p] avgpool kernel=2", ["c"]),
        ("[n] lrn size=3 k=1 alpha=1 beta=1 neuron=relu\n[p] maxpool kernel=2", ["c"]),
    ],
)  # fmt: skip
def test_what_others_read_is_not_taken_in(text: str, absorbed: list[str] | None) -> None:
    net = good(f"[image] input 3x8x8\n[c] conv filters=4 kernel=3 neuron=relu\n{text}\n[f] fc outputs=2\n")
    found = chains(net.graph)
    taken = [net.graph.nodes[name].layer for chain in found.values() for name in chain.absorbed]
    assert taken == (absorbed or [])


def test_scores_and_output_are_left_as_they_are() -> None:
    text = "[image] input 3x8x8\n[c] conv filters=4 kernel=3 neuron=relu\n[n] lrn size=3 k=1 alpha=1 beta=1\n"
    (chain,) = chains(good(text).graph).values()
    assert chain.pool is None
    assert chains(good("[image] input 3x8x8\n[n] lrn size=3 k=1 alpha=1 beta=1\n[p] maxpool kernel=8\n").graph) != {}
    graph = good("[image] input 3x8x8\n[c] conv filters=4 kernel=8\n[n] lrn size=3 k=1 alpha=1 beta=1\n").graph
    (alone,) = chains(graph).values()
    assert (alone.relu, alone.pool, alone.absorbed) == (False, None, ())
