"""Batch, layer and group normalisation: their operations, groups of channels, and what they learn."""

from __future__ import annotations

import pytest
from checking import only_diagnostic, ops_of, valid_net

from netspec.ir.distribution import Constant
from netspec.ir.ops import BatchNorm, GroupNorm, LayerNorm

IMAGE = "[image] input 4x8x8\n"
SPLIT_CONV = "gpus 2\n[image] input 4x8x8\n[a] conv filters=8 kernel=3 pad=1\n"


def groups(text: str) -> int:
    (op,) = ops_of(text, "n")
    assert isinstance(op, GroupNorm)
    return op.groups


@pytest.mark.parametrize("type_", ["batchnorm", "layernorm", "groupnorm groups=2"])
def test_normalisations_start_without_scale_and_shift(type_: str) -> None:
    graph = valid_net(IMAGE + f"[x] {type_}").graph
    assert {p.key: (p.shape, p.distribution) for p in graph.parameters.values()} == {
        "x.weight": ((4,), Constant(1.0)),
        "x.bias": ((4,), Constant(0.0)),
    }
    assert valid_net(IMAGE + f"[x] {type_} affine=no").graph.parameters == {}


def test_defaults_of_normalisations() -> None:
    assert ops_of(IMAGE + "[x] batchnorm", "x") == [BatchNorm(1e-5, 0.1, True)]
    assert ops_of(IMAGE + "[x] layernorm", "x") == [LayerNorm(1e-5, 1, True)]
    assert ops_of("[image] input 64x8x8\n[x] groupnorm", "x") == [GroupNorm(1e-5, 32, True)]


@pytest.mark.parametrize("type_", ["batchnorm", "layernorm", "groupnorm groups=2"])
def test_coefficients_of_normalisations_have_keys_of_training(type_: str) -> None:
    learnt = valid_net(IMAGE + f"[x] {type_} decay=0 bias_lr_mult=2\ntrain optimizer=sgd(lr=0.1, weight_decay=1)")
    weight, bias = learnt.graph.parameters.values()
    assert (weight.decay, weight.lr, bias.lr) == (0, 0.1, 0.2)


@pytest.mark.parametrize("type_", ["layernorm", "groupnorm"])
def test_normalised_groups_stay_inside_gpu_groups(type_: str) -> None:
    assert groups(SPLIT_CONV + f"[n] {type_} groups=2") == 4
    assert groups(SPLIT_CONV + f"[n] {type_} groups=2 gpu=0") == 2
    assert groups("gpus 2\n" + IMAGE + f"[n] {type_} groups=2") == 2


@pytest.mark.parametrize(
    ("text", "note", "titles"),
    [
        ("[i] input 48x8x8\n[n] groupnorm", "48 channels / 32 groups = 1.5, not a whole number", ["24", "48"]),
        ("[i] input 8x8x8\n[n] groupnorm", "8 channels / 32 groups = 0.25, not a whole number", ["4", "8"]),
        (
            "[i] input 48x8x8\n[n] layernorm groups=20",
            "48 channels / 20 groups = 2.4, not a whole number",
            ["16", "24"],
        ),
        ("[i] input 8x8x8\n[n] layernorm groups=6", "8 channels / 6 groups = 1.33333, not a whole number", ["4"]),
        ("[i] input 30\n[n] groupnorm", "30 inputs / 32 groups = 0.9375, not a whole number", ["15"]),
        (
            "gpus 2\n[i] input 3x8x8\n[c] conv filters=96 kernel=3\n[n] groupnorm",
            "48 channels of each of 2 GPU groups / 32 groups = 1.5, not a whole number",
            ["24", "48"],
        ),
        (
            "gpus 2\n[i] input 3x8x8\n[c] conv filters=96 kernel=3\n[n] groupnorm groups=40 gpu=0",
            "96 channels / 40 groups = 2.4, not a whole number",
            ["32", "48"],
        ),
    ],
)
def test_normalised_groups_must_divide_the_channels(text: str, note: str, titles: list[str]) -> None:
    found = only_diagnostic(text)
    assert (found.code, found.notes) == ("groups-do-not-divide", (note,))
    assert [fix.title for fix in found.fixes] == [f"n groups={number}" for number in titles]
    assert all(fix.checks for fix in found.fixes)


@pytest.mark.parametrize("gpu", ["0", "0,1"])
def test_groups_offered_to_a_whole_layer_divide_all_channels(gpu: str) -> None:
    found = only_diagnostic(SPLIT_CONV + f"[n] groupnorm groups=3 gpu={gpu}")
    assert [(fix.title, fix.effect) for fix in found.fixes] == [
        ("n groups=2", "4 channels in each; the whole network checks"),
        ("n groups=4", "2 channels in each; the whole network checks"),
    ]
