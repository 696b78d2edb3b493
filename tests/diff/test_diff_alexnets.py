"""The AlexNets against one another: what is known of how they differ is what the comparison says."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from comparing_nets import facts, told
from places import SPECS
from processes import netspec

from netspec.diff import NetDifference, compare
from netspec.diff.text import rows, summary
from netspec.net import Net, load

NETS = {path.stem: load(path) for path in sorted(SPECS.glob("*.net"))}
GOLDEN = Path(__file__).with_name("alexnet-2012.txt")
"""Made by ``netspec diff specs/alexnet.net specs/alexnet-2012.net``."""


def between(a: str, b: str) -> NetDifference:
    """The differences of two of the specs that come with netspec."""
    return compare(NETS[a], NETS[b])


def test_as_run_is_not_as_printed() -> None:
    """Facts read in cuda-convnet's layers-145.cfg and layer-params-145.cfg, beside the paper."""
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
        # conv5's ReLU stands behind its pooling, which is harmless
        (
            "conv5, pool5",
            "order: conv5, relu, pool5 -> conv5, pool5, relu (max pooling commutes with relu)",
            "nothing",
        ),
        # epsB of every layer is 0.02, epsW 0.01
        (weighted, "bias_lr: 0.01 -> 0.02", "training"),
        # the rate of the weights was lowered by hand, and the run stopped
        ("train", "epochs: 90 -> 91", "training"),
        ("train", "schedule: plateau(factor=0.1, times=3) -> steps(25, 51, 79, factor=0.1)", "training"),
        ("train", "bias_schedule: plateau(factor=0.1, times=3) -> constant", "training"),
        # conv1 learnt at 1e-5 from epoch 67 and no more from epoch 72
        ("conv1", "schedule: plateau(factor=0.1, times=3) -> steps(25, 51, 67, factor=0.1, freeze=72)", "training"),
        ("conv1", "bias_schedule: plateau(factor=0.1, times=3) -> steps(freeze=72)", "training"),
    }


def test_what_is_the_same_in_both_is_not_told() -> None:
    """Both round up, keep normalisation inside a GPU group, and have the paper's 60,965,224 parameters."""
    found = between("alexnet", "alexnet-2012")
    assert not {d.key for d in found.each()} & {"rounding", "groups", "reads", "gpu", "size", "k", "beta"}
    assert found.misfits == ()
    assert "parameters: 60,965,224, the same" in summary(found)
    assert "connections: 724,406,816, the same" in summary(found)
    assert [layer.name for layer in found.layers if layer.costs_differ] == ["same2"]


def test_the_printed_comparison() -> None:
    done = netspec("diff", "specs/alexnet.net", "specs/alexnet-2012.net")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == GOLDEN.read_text("utf-8"), f"if this is meant, write it to {GOLDEN.name}"


def test_224_rounded_up_reads_three_zeros_where_227_has_pixels() -> None:
    found = between("alexnet", "alexnet-227")
    assert rows(found) == (
        ("image", "shape: 3x224x224 -> 3x227x227", "function"),
        ("conv1", "rounding: up -> exact (zeros read: 0,3,0,3 -> 0)", "function"),
        ("pool1, conv2, pool2, conv3, conv4, conv5, pool5", "rounding: up -> exact", "nothing"),
    )
    assert found.misfits == ()


def test_one_gpu_instead_of_two() -> None:
    """62,378,344 parameters: twice the weights of conv2, conv4 and conv5."""
    found = between("alexnet", "alexnet-one-gpu")
    assert rows(found) == (
        ("norm1, conv2, norm2, conv4, conv5", "groups: 2 -> 1", "function"),
        ("gpus", "2 -> 1", "placement"),
    )
    weights = {x.name: (x.a.costs.weights, x.b.costs.weights) for x in found.layers if x.a and x.b}
    assert weights["conv2"] == (256 * 48 * 25, 256 * 96 * 25)
    assert [pair[0] for pair in found.misfits] == ["conv2", "conv4", "conv5"]
    assert "parameters: 60,965,224 -> 62,378,344 (+1,413,120, +2.3 %)" in summary(found)


def test_caffenet_pools_before_it_normalises_over_all_maps() -> None:
    lines = told(between("alexnet", "caffenet"))
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
def test_an_ablation_is_what_its_file_says(name: str, lines: list[str]) -> None:
    assert told(between("alexnet", name)) == lines


@pytest.mark.parametrize("name", NETS)
def test_a_spec_is_the_same_network_as_itself(name: str) -> None:
    assert between(name, name).same


@pytest.mark.many
@pytest.mark.parametrize(("a", "b"), list(combinations(NETS, 2)))
def test_every_two_specs_differ_and_the_answer_is_the_same_the_other_way_round(a: str, b: str) -> None:
    there, back = between(a, b), between(b, a)
    assert not there.same
    assert facts(there, mirrored=True) == facts(back)
    assert there.totals == back.totals[::-1]
    assert {o.a for o in there.orders} == {o.b for o in back.orders}
    assert set(there.misfits) == {(q, p) for p, q in back.misfits}
    assert (there.function == "other") == any(d.effect == "function" for d in there.each())


def test_a_net_is_named_as_it_names_itself() -> None:
    net: Net = NETS["alexnet"]
    assert compare(net, NETS["caffenet"]).names == ("alexnet", "caffenet")
