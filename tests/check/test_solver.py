"""Fixes of claims, counts, groups and crops: which are found, how they are described, and that each works."""

from __future__ import annotations

import pytest
from checking import diagnostics_of, only_diagnostic, spec, valid_net
from proposed import fixed, titles

from netspec.diagnostics import apply
from netspec.net import loads

# Claims of channels and counts.


def test_wrong_channels_are_fixed_in_the_filters_or_the_claim() -> None:
    text = "[i] input 3x20x30\n[c] conv filters=2 kernel=1 -> 4x20x30"
    assert titles(only_diagnostic(text)) == ["c filters=4", "claim 2x20x30"]
    assert titles(only_diagnostic("[i] input 30\n[f] fc outputs=10 -> 12")) == ["f outputs=12", "claim 10"]
    assert titles(only_diagnostic("[i] input 30\n[f] fc outputs=10 -> 10x1x1")) == ["claim 10"]


def test_last_fix_changes_the_claim() -> None:
    text = "[i] input 3x20x20\n[c] maxpool kernel=20 -> 3x2x2"
    found = only_diagnostic(text)
    assert titles(found)[-1] == "claim 3x1x1"
    assert fixed(found, "claim 3x1x1", text).endswith("-> 3x1x1")


@pytest.mark.parametrize(
    ("layer", "stated", "message", "notes", "fix"),
    [
        (
            "conv filters=8 kernel=3",
            "weights=576",
            "b has 288 weights, not 576",
            ("3 * 3 * 8 / 2 weights a filter * 8 filters = 288",),
            "b reads=all",
        ),
        (
            "conv filters=8 kernel=3 reads=all",
            "weights=288",
            "b has 576 weights, not 288",
            ("3 * 3 * 8 weights a filter * 8 filters = 576",),
            "b reads=own",
        ),
        (
            "conv filters=8 kernel=3",
            "connections=1",
            "b has 93,312 connections, not 1",
            ("18 * 18 places * 288 weights = 93,312",),
            "claim connections=93312",
        ),
        (
            "fc outputs=4",
            "weights=12800",
            "b has 6,400 weights, not 12,800",
            ("3,200 / 2 inputs * 4 outputs = 6,400",),
            "b reads=all",
        ),
        (
            "local filters=8 kernel=19",
            "weights=1",
            "b has 46,208 weights, not 1",
            ("2 * 2 places * 11,552 weights = 46,208",),
            "claim weights=46208",
        ),
        ("maxpool kernel=2", "units=1", "b has 800 units, not 1", ("8 * 10 * 10 = 800",), "claim units=800"),
        ("fc outputs=4", "units=3", "b has 4 units, not 3", (), "claim units=4"),
        (
            "batchnorm",
            "weights=3",
            "b has 8 weights, not 3",
            ("one weight a channel * 8 channels = 8",),
            "claim weights=8",
        ),
        ("batchnorm", "connections=3", "b has 0 connections, not 3", (), "claim connections=0"),
        ("relu", "connections=3", "b has 0 connections, not 3", (), "claim connections=0"),
    ],
)
def test_wrong_counts_are_explained_and_fixed(
    layer: str, stated: str, message: str, notes: tuple[str, ...], fix: str
) -> None:
    text = f"gpus 2\n[i] input 4x20x20\n[a] conv filters=8 kernel=1\n[b] {layer} -> {stated}"
    found = only_diagnostic(text)
    assert (found.message, found.notes) == (message, notes)
    assert found.span.text == stated
    assert fix in titles(found)
    for one in found.fixes:
        loads(apply(one.edits, text))


def test_connections_halved_twice_are_explained() -> None:
    found = only_diagnostic(spec("alexnet").replace("-> 256x27x27", "-> 256x27x27 connections=111974400"))
    assert found.message == "conv2 has 223,948,800 connections, not 111,974,400"
    assert found.notes == ("27 * 27 places * 307,200 weights = 223,948,800",)


def test_counts_of_several_inputs_have_a_note_each() -> None:
    found = only_diagnostic("[i] input 4x5x5\n[j] relu\n[a] conv filters=2 kernel=3,1 pad=1,0 inputs=i,j -> weights=1")
    assert found.message == "a has 80 weights, not 1"
    assert found.notes == ("3 * 3 * 4 weights a filter * 2 filters = 72", "1 * 1 * 4 weights a filter * 2 filters = 8")


def test_consequences_are_noted_only_where_they_matter() -> None:
    first, second = diagnostics_of("[i] input 3x20x30\n[c] conv filters=2 kernel=1 -> 4x20x30\n[f] fc outputs=10 -> 12")
    assert "f reads 1,200 = 2x20x30; expected 2,400 because of -> 4x20x30 at c: 12,000 weights fewer" in first.notes
    assert not any("expected" in note for note in second.notes)


# Groups, crops, and inputs with channels last.


def test_nearest_divisible_numbers_are_proposed() -> None:
    text = "gpus 3\n[i] input 3x5x5\n[a] conv filters=10 kernel=3 -> 10x3x3"
    found = only_diagnostic(text)
    assert titles(found) == ["a filters=9", "a filters=12", "a filters=6", "a filters=15"]
    assert valid_net(fixed(found, "a filters=12", text))["a"].output == (12, 3, 3)


def test_crop_or_input_is_changed() -> None:
    text = "[i] input 3x224x224\n[f] fc outputs=3\naugment crop=227 from=256"
    found = only_diagnostic(text)
    assert titles(found) == ["augment crop=224", "input 3x227x227"]
    for title in titles(found):
        valid_net(fixed(found, title, text))


def test_too_large_pool_becomes_global() -> None:
    text = "[image] input 3x64x64\n[conv] conv filters=8 kernel=1\n[mean] avgpool kernel=7x56 -> 8x1x1\n"
    for wide in (text.replace("7x56", "56x65"), text.replace("7x56", "80")):
        (fix,) = only_diagnostic(wide).fixes
        assert (fix.title, fix.effect) == (
            "mean kernel=global",
            "one window over the whole 8x64x64; the whole network checks",
        )
        assert valid_net(apply(fix.edits, wide))["mean"].output == (8, 1, 1)
    assert not only_diagnostic("[image] input 3x8x8\n[conv] conv filters=8 kernel=9").fixes


def test_channels_last_of_the_input_are_moved() -> None:
    text = "[i] input 224x224x3\n[c] conv filters=2 kernel=11 stride=3"
    found = only_diagnostic(text)
    assert found.code == "kernel-too-large"
    assert titles(found) == ["input 3x224x224"]
    assert valid_net(fixed(found, "input 3x224x224", text))["c"].output == (2, 72, 72)


def test_convolution_of_a_vector_gives_no_fixes_for_later_layers() -> None:
    text = (
        "[image] input 1x32x32\n[c5] fc outputs=120\n[c3] conv filters=16 kernel=5 -> 16x10x10\n"
        "[c1] conv filters=6 kernel=5 -> 6x28x28\n[s2] avgpool kernel=2 stride=2 -> 6x14x14\n"
        "[s4] avgpool kernel=2 stride=2 -> 16x5x5\n"
    )
    assert [(d.code, d.layer) for d in diagnostics_of(text)] == [
        ("needs-image", "c3"),
        ("claim-refuted", "c1"),
        ("claim-refuted", "s4"),
    ]


def test_channels_last_are_moved_before_sizes_are_tried() -> None:
    text = "[i] input 32x32x3\n[c] conv filters=2 kernel=3 pad=1 -> 2x32x32"
    assert titles(only_diagnostic(text))[0] == "input 3x32x32"
