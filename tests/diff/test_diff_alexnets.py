"""Comparisons of the AlexNet specs, against their known differences."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from comparing_nets import all_facts, difference_lines
from places import SPECS
from processes import netspec

from netspec.diff import NetDifference, compare
from netspec.diff.text import rows, summary
from netspec.net import Net, load

NETS = {path.stem: load(path) for path in sorted(SPECS.glob("*.net"))}
GOLDEN = Path(__file__).with_name("alexnet-2012.txt")
"""Output of ``netspec diff specs/alexnet.net specs/alexnet-2012.net``."""


def between(a: str, b: str) -> NetDifference:
    """Compare two of the shipped specs."""
    return compare(NETS[a], NETS[b])


def test_alexnet_2012_differs_from_the_printed_network() -> None:
    """The facts are from cuda-convnet's layers-145.cfg and layer-params-145.cfg, and from the paper."""
    table = rows(between("alexnet", "alexnet-2012"))
    weighted = "conv1, conv2, conv3, conv4, conv5, fc6, fc7, fc8"
    assert set(table) == {
        # scale=1e-4 and size=5: k + 1e-4 / 5 * sum
        ("norm1, norm2", "alpha: 0.0001 -> 2e-05 (2e-05 = 0.0001 / 5, the window's size)", "function"),
        # conv1 has no ReLU before its normalisation
        ("conv1, pool1", "order: conv1, relu, norm1, pool1 -> conv1, norm1, pool1, relu", "function"),
        # cnorm2a and cnorm2b, of type rnorm: size 5, scale 1e-3, which is over 25 pixels
        ("same2", "added: rnorm size=5 k=1 alpha=4e-05 beta=0.75, after norm2", "function"),
        # the initial weights of conv3 to conv5
        ("conv3, conv4, conv5", "init: gaussian(0.01) -> gaussian(0.03)", "training"),
        # conv5's ReLU comes after its pooling, which does not change the function
        ("conv5, pool5", "order: conv5, relu, pool5 -> conv5, pool5, relu (max pooling commutes with relu)", "nothing"),
        # epsB of every layer is 0.02, epsW 0.01
        (weighted, "bias_lr: 0.01 -> 0.02", "training"),
        # the rate of the weights was lowered by hand, and the run stopped
        ("train", "epochs: 90 -> 91", "training"),
        ("train", "schedule: plateau(factor=0.1, times=3) -> steps(25, 51, 79, factor=0.1)", "training"),
        ("train", "bias_schedule: plateau(factor=0.1, times=3) -> constant", "training"),
        # conv1's rate was 1e-5 from epoch 67, and 0 from epoch 72
        ("conv1", "schedule: plateau(factor=0.1, times=3) -> steps(25, 51, 67, factor=0.1, freeze=72)", "training"),
        ("conv1", "bias_schedule: plateau(factor=0.1, times=3) -> steps(freeze=72)", "training"),
    }


def test_equal_settings_are_not_listed() -> None:
    """Both round up, keep normalisation inside a GPU group, and have the paper's 60,965,224 parameters."""
    comparison = between("alexnet", "alexnet-2012")
    assert not {d.key for d in comparison.each()} & {"rounding", "groups", "reads", "gpu", "size", "k", "beta"}
    assert comparison.misfits == ()
    assert "parameters: 60,965,224, the same" in summary(comparison)
    assert "connections: 724,406,816, the same" in summary(comparison)
    assert [layer.name for layer in comparison.layers if layer.costs_differ] == ["same2"]


def test_printed_comparison_matches_the_stored_text() -> None:
    done = netspec("diff", "specs/alexnet.net", "specs/alexnet-2012.net")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == GOLDEN.read_text("utf-8"), f"if this is meant, write it to {GOLDEN.name}"


def test_alexnet_differs_from_alexnet_227_only_in_input_and_rounding() -> None:
    comparison = between("alexnet", "alexnet-227")
    assert rows(comparison) == (
        ("image", "shape: 3x224x224 -> 3x227x227", "function"),
        ("conv1", "rounding: up -> exact (zeros read: 0,3,0,3 -> 0)", "function"),
        ("pool1, conv2, pool2, conv3, conv4, conv5, pool5", "rounding: up -> exact", "nothing"),
    )
    assert comparison.misfits == ()


def test_one_gpu_version_differs_in_groups() -> None:
    """62,378,344 parameters: twice the weights of conv2, conv4 and conv5."""
    comparison = between("alexnet", "alexnet-one-gpu")
    assert rows(comparison) == (
        ("norm1, conv2, norm2, conv4, conv5", "groups: 2 -> 1", "function"),
        ("gpus", "2 -> 1", "placement"),
    )
    weights = {x.name: (x.a.costs.weights, x.b.costs.weights) for x in comparison.layers if x.a and x.b}
    assert weights["conv2"] == (256 * 48 * 25, 256 * 96 * 25)
    assert [pair[0] for pair in comparison.misfits] == ["conv2", "conv4", "conv5"]
    assert "parameters: 60,965,224 -> 62,378,344 (+1,413,120, +2.3 %)" in summary(comparison)


def test_caffenet_differs_in_order_and_range_of_norms() -> None:
    lines = difference_lines(between("alexnet", "caffenet"))
    assert "norm1 moved: conv1 -> pool1, function" in lines
    assert "norm1 groups: 2 -> 1, function" in lines
    assert "norm1 k: 2 -> 1, function" in lines
    assert "image order: rgb -> bgr, function" in lines
    assert "gpus changed: 2 -> 1, placement" in lines
    assert not [line for line in lines if line.startswith(("conv2 groups", "conv4 groups", "conv5 groups"))]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("alexnet-no-colour", ["augment colour: pca(0.1) -> none, training"]),
        (
            "alexnet-no-lrn",
            [
                f"norm{i} removed: lrn size=5 k=2 alpha=0.0001 beta=0.75 groups=2, after conv{i} -> , function"
                for i in (1, 2)
            ],
        ),
        ("alexnet-tiled-pooling", [f"pool{i} kernel: 3 -> 2, function" for i in (1, 2, 5)]),
        (
            "alexnet-no-dropout",
            [f"drop{i} removed: dropout rate=0.5 scaling=test, after fc{i} -> , function" for i in (6, 7)],
        ),
    ],
)
def test_ablations_differ_only_in_the_ablated_part(name: str, lines: list[str]) -> None:
    assert difference_lines(between("alexnet", name)) == lines


@pytest.mark.parametrize("name", NETS)
def test_spec_equals_itself(name: str) -> None:
    assert between(name, name).same


@pytest.mark.many
@pytest.mark.parametrize(("a", "b"), list(combinations(NETS, 2)))
def test_any_two_specs_differ_symmetrically(a: str, b: str) -> None:
    forward, backward = between(a, b), between(b, a)
    assert not forward.same
    assert all_facts(forward, mirrored=True) == all_facts(backward)
    assert forward.totals == backward.totals[::-1]
    assert {o.a for o in forward.orders} == {o.b for o in backward.orders}
    assert set(forward.misfits) == {(q, p) for p, q in backward.misfits}
    assert (forward.function == "other") == any(d.effect == "function" for d in forward.each())


def test_comparison_uses_the_nets_own_names() -> None:
    net: Net = NETS["alexnet"]
    assert compare(net, NETS["caffenet"]).names == ("alexnet", "caffenet")
