"""Which optimisation passes are enabled on which device, and what each pass finds in a graph."""

from __future__ import annotations

from dataclasses import replace

import pytest
from checking import SPECS, valid_net

import netspec
from netspec.ir.ops import Conv
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window
from netspec.passes.fast import (
    ALL,
    NAMES,
    PASSES,
    PLAIN,
    ComputeTarget,
    Unshuffle,
    enabled_passes,
    forms_of,
    on_devices,
)
from netspec.passes.fast.lrn_chain import chains
from netspec.passes.fast.space_to_depth import unshuffle
from netspec.passes.placing import arrange, place_on_devices

ALEXNET = netspec.load(SPECS / "alexnet.net").graph
CPU, CUDA = ComputeTarget("cpu", "fp32"), ComputeTarget("cuda", "bf16")


def test_passes_can_be_disabled_by_name_or_all_at_once() -> None:
    for target in (CPU, CUDA):
        enabled = enabled_passes(target)
        assert enabled and set(enabled) <= set(NAMES)
        for name in enabled:
            assert enabled_passes(target, (name,)) == tuple(other for other in enabled if other != name)
        assert enabled_passes(target, (ALL,)) == ()
    assert forms_of(ALEXNET, ()) == PLAIN


def test_explanation_of_each_pass_matches_whether_it_is_enabled() -> None:
    for each in PASSES:
        assert each.why["cpu"].startswith("on" if each.pays(CPU) else "off"), each.name
        assert each.why["cuda"].startswith("on" if each.pays(CUDA) else "off"), each.name


def test_space_to_depth_makes_alexnets_conv1_3x3_over_48_channels() -> None:
    assert forms_of(ALEXNET, ("space-to-depth",)).unshuffled == {
        "conv1:conv": Unshuffle(stride=(4, 4), top=0, left=0, size=(228, 228), kernel=(12, 12))
    }


@pytest.mark.parametrize(
    ("op", "x"),
    [
        (Conv(8, Window((3, 3))), Shape(3, 9, 9)),  # no stride
        (Conv(8, Window((3, 3), (2, 2))), Shape(16, 9, 9)),  # many channels
        (Conv(8, Window((3, 3), (2, 2), dilation=(2, 2))), Shape(3, 9, 9)),  # a dilated kernel
        (Conv(8, Window((1, 1), (2, 2))), Shape(3, 9, 9)),  # pixels between the windows
    ],
)
def test_space_to_depth_skips_other_convolutions(op: Conv, x: Shape) -> None:
    assert unshuffle(op, x) is None


def test_space_to_depth_drops_pixels_beyond_the_last_window() -> None:
    # Windows start at pixels 0 and 2 of 6: the last column is not read, and two blocks of the kernel reach pixel 5.
    assert unshuffle(Conv(8, Window((3, 3), (2, 2), Pad(1, 0, 1, 0), rounding="down")), Shape(3, 6, 6)) == Unshuffle(
        stride=(2, 2), top=1, left=1, size=(8, 8), kernel=(4, 4)
    )


def test_lrn_chains_absorb_the_relu_before_and_the_pooling_after() -> None:
    found = chains(ALEXNET)
    assert {name: chain.absorbed for name, chain in found.items()} == {
        "norm1": ("conv1", "pool1"),
        "norm2": ("conv2", "pool2"),
    }
    assert all(chain.relu and chain.pool is not None for chain in found.values())


def test_bias_relu_absorbs_relus_outside_chains() -> None:
    enabled = ("lrn-chain", "grouped-conv", "bias-relu")
    assert forms_of(ALEXNET, enabled).rectified == {f"conv{n}:conv": f"conv{n}" for n in (3, 4, 5)}
    assert forms_of(ALEXNET, ("bias-relu",)).rectified == {f"conv{n}:conv": f"conv{n}" for n in (1, 2, 3, 4, 5)}


def test_chain_adds_the_bias_of_a_convolution_with_no_other_reader() -> None:
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
        assert forms_of(valid_net(text.format(*words)).graph, both).chains["n"].biased == biased, words


def test_kernel_of_dropout_draws_for_single_units() -> None:
    text = "[image] input 4x8x8\n[a] dropout\n[b] dropout over=channels\n[c] dropout over=images\n"
    assert forms_of(valid_net(text).graph, ("dropout",)).dropped == {"a"}


@pytest.mark.parametrize(
    ("optimizer", "fused"), [("sgd", True), ("adamw", True), ("rmsprop", False), ("adagrad", False), ("lars", False)]
)
def test_fused_update_is_for_rules_with_a_kernel(optimizer: str, fused: bool) -> None:
    graph = valid_net(f"[image] input 8\n[f] fc outputs=2\ntrain optimizer={optimizer}").graph
    assert forms_of(graph, ("fused-update",)).fused_update == fused


def test_cudnn_benchmark_needs_a_convolution() -> None:
    assert forms_of(ALEXNET, ("cudnn-benchmark",)).benchmarked
    assert forms_of(valid_net("[image] input 1x8x8\n[f] fc outputs=2\n").graph, ("cudnn-benchmark",)).passes == ()


def test_max_pool_skips_chains_and_channels_last_values() -> None:
    assert forms_of(ALEXNET, ("max-pool",)).pools == {"pool1", "pool2", "pool5"}
    assert forms_of(ALEXNET, ("max-pool", "lrn-chain")).pools == {"pool5"}
    assert forms_of(ALEXNET, ("max-pool", "channels-last")).pools == frozenset()
    channels_last = replace(ALEXNET, train=replace(ALEXNET.train, channels_last=True))
    assert forms_of(channels_last, ("max-pool",)).passes == ()


@pytest.mark.parametrize(
    ("channels", "window", "copied"),
    [(16, "kernel=2 stride=2", True), (15, "kernel=2 stride=2", False), (16, "kernel=1 stride=2", False)],
)
def test_max_pool_skips_few_channels_and_single_pixels(channels: int, window: str, copied: bool) -> None:
    graph = valid_net(
        f"net a rounding=down\n[image] input {channels}x8x8\n[p] maxpool {window}\n[f] fc outputs=2\n"
    ).graph
    assert (forms_of(graph, ("max-pool",)).pools == {"p"}) == copied


@pytest.mark.parametrize(
    ("pool", "summed"),
    [
        ("avgpool kernel=3 stride=2", True),
        ("avgpool kernel=3 stride=3", False),  # disjoint windows
        ("avgpool kernel=7 stride=1", False),  # only three windows in a row
        ("avgpool kernel=1 stride=2", False),
        ("avgpool kernel=global", False),
        ("avgpool kernel=3 stride=3 pad=2,1,1,0", True),  # PyTorch has no such padding
        ("sumpool kernel=3 stride=3", True),
        ("sumpool kernel=global", True),
        ("maxpool kernel=3 stride=2", False),
    ],
)
def test_avg_pool_takes_poolings_that_are_slow_in_pytorch(pool: str, summed: bool) -> None:
    graph = valid_net(f"net a rounding=down\n[image] input 3x9x9\n[p] {pool}\n[f] fc outputs=2\n").graph
    assert (forms_of(graph, ("avg-pool",)).sums == {"p"}) == summed
    assert forms_of(graph, ("avg-pool", "channels-last")).sums == frozenset()


@pytest.mark.parametrize(
    ("image", "keys", "patched"), [("1x9x9", "", True), ("2x9x9", "", False), ("2x9x9", " groups=2", False)]
)
def test_im2col_takes_convolutions_over_one_channel(image: str, keys: str, patched: bool) -> None:
    graph = valid_net(f"[image] input {image}\n[c] conv filters=4 kernel=3{keys}\n[f] fc outputs=2\n").graph
    assert forms_of(graph, ("im2col",)).patched == ({"c"} if patched else set())


def test_grouped_convolutions_are_those_in_2_to_8_groups() -> None:
    assert forms_of(ALEXNET, ("grouped-conv",)).grouped == {f"conv{n}:conv" for n in (2, 4, 5)}
    for groups, grouped in ((1, False), (8, True), (16, False)):
        graph = valid_net(f"[image] input 16x4x4\n[c] conv filters=16 kernel=1 groups={groups}\n[f] fc outputs=2").graph
        assert forms_of(graph, ("grouped-conv",)).grouped == ({"c"} if grouped else set())


def test_convolution_over_blocks_takes_no_other_form() -> None:
    """Over blocks of 4 x 4 pixels each of its kernels reads 16 channels, not one."""
    both = ("space-to-depth", "grouped-conv", "im2col")
    for image, keys in (("1x12x12", ""), ("2x12x12", " groups=2")):
        graph = valid_net(
            f"[image] input {image}\n[c] conv filters=4 kernel=4 stride=4{keys}\n[f] fc outputs=2\n"
        ).graph
        forms = forms_of(graph, both)
        assert list(forms.unshuffled) == ["c"] and not forms.patched and not forms.grouped


def test_images_that_are_transferred_are_not_prepared_as_blocks() -> None:
    text = "gpus 2\n[image] input 3x12x12\n[a] conv filters=4 kernel=4 stride=4 inputs=image{}\n"
    text += "[b] conv filters=4 kernel=4 stride=4 inputs=image{}\n[c] concat inputs=a,b\n[f] fc outputs=2\n"
    for places, transferred in (((" gpu=0", " gpu=1"), True), (("", ""), False)):
        graph = valid_net(text.format(*places)).graph
        forms = forms_of(graph, ("space-to-depth",))
        placed = place_on_devices(graph, arrange(graph, 2))
        assert forms.images is not None and (on_devices(forms, placed).images is None) == transferred


def test_im2col_needs_enough_images() -> None:
    graph = valid_net("[image] input 1x9x9\n[c] conv filters=4 kernel=3\n[f] fc outputs=2\n").graph
    # 7 x 7 positions of 9 pixels = 441 numbers per image: 130,977 for 297 images, 131,418 for 298; the minimum is 2^17.
    assert forms_of(graph, ("im2col",), 297) == PLAIN
    assert forms_of(graph, ("im2col",), 298).passes == ("im2col",)
    bf16 = replace(graph, train=replace(graph.train, precision="bf16"))
    assert forms_of(bf16, ("im2col",), 298) == PLAIN


def test_avg_pool_needs_a_large_enough_batch() -> None:
    text = "net a rounding=down\n[image] input 3x9x9\n[p] {}\n[f] fc outputs=2\n"
    # 3 x 9 x 9 = 243 numbers per image: 65,367 for 269 images, 65,610 for 270; the minimum is 2^16.
    average = valid_net(text.format("avgpool kernel=3 stride=2")).graph
    assert forms_of(average, ("avg-pool",), 269) == PLAIN
    assert forms_of(average, ("avg-pool",), 270).passes == ("avg-pool",)
    for pool in ("sumpool kernel=3 stride=3", "avgpool kernel=3 stride=3 pad=2,1,1,0"):  # neither exists in PyTorch
        assert forms_of(valid_net(text.format(pool)).graph, ("avg-pool",), 1).passes == ("avg-pool",)


def test_bias_relu_absorbs_the_relu_of_summed_convolutions() -> None:
    text = "[image] input 3x8x8\n[a] conv filters=4 kernel=3\n[c] conv inputs=a,a filters=4 kernel=3 neuron=relu\n"
    graph = valid_net(f"{text}[f] fc outputs=2 inputs=a,c neuron=relu\n").graph
    assert forms_of(graph, ("bias-relu",)).rectified == {"c:bias": "c"}


@pytest.mark.parametrize(
    "text",
    [
        "[c] conv filters=4 kernel=3 bias=none neuron=relu",  # no bias
        "[c] conv filters=4 kernel=3 neuron=tanh",
        "[c] conv filters=4 kernel=3\n[r] relu",  # the ReLU belongs to another layer
        "[b] conv filters=4 kernel=3\n[c] sum inputs=b,b neuron=relu",
    ],
)
def test_bias_relu_skips_other_relus(text: str) -> None:
    graph = valid_net(f"[image] input 3x8x8\n{text}\n[f] fc outputs=2\n").graph
    assert forms_of(graph, ("bias-relu",)).rectified == {}


@pytest.mark.parametrize(
    ("text", "absorbed"),
    [
        ("[n] lrn size=3 k=1 alpha=1 beta=1\n[p] maxpool kernel=2\n[q] avgpool kernel=2 inputs=n\n"
         "[s] sum inputs=p,q", ["c"]),  # two layers read the normalised maps
        ("[n] lrn size=3 k=1 alpha=1 beta=1\n[s] sum inputs=c,n", []),  # two layers read the ReLU
        ("[n] lrn size=3 k=1 alpha=1 beta=1\n[p] avgpool kernel=2", ["c"]),
        ("[n] lrn size=3 k=1 alpha=1 beta=1 neuron=relu\n[p] maxpool kernel=2", ["c"]),
    ],
)  # fmt: skip
def test_chain_absorbs_no_value_with_another_reader(text: str, absorbed: list[str]) -> None:
    net = valid_net(f"[image] input 3x8x8\n[c] conv filters=4 kernel=3 neuron=relu\n{text}\n[f] fc outputs=2\n")
    layers = [net.graph.nodes[name].layer for chain in chains(net.graph).values() for name in chain.absorbed]
    assert layers == absorbed


def test_chain_does_not_absorb_scores_or_output() -> None:
    text = "[image] input 3x8x8\n[c] conv filters=4 kernel=3 neuron=relu\n[n] lrn size=3 k=1 alpha=1 beta=1\n"
    (chain,) = chains(valid_net(text).graph).values()
    assert chain.pool is None
    assert (
        chains(valid_net("[image] input 3x8x8\n[n] lrn size=3 k=1 alpha=1 beta=1\n[p] maxpool kernel=8\n").graph) != {}
    )
    graph = valid_net("[image] input 3x8x8\n[c] conv filters=4 kernel=8\n[n] lrn size=3 k=1 alpha=1 beta=1\n").graph
    (alone,) = chains(graph).values()
    assert (alone.relu, alone.pool, alone.absorbed) == (False, None, ())
