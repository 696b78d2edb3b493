"""Layers that take or rearrange channels, whole and split over GPU groups."""

from __future__ import annotations

import pytest
from checking import only_diagnostic, ops_of, valid_net

from netspec.ir.graph import SPLIT
from netspec.ir.ops import Relu, Shuffle, Slice
from netspec.ir.shape import Shape

IMAGE = "[image] input 12x8x8\n"
SPLIT_CONV = "gpus 2\n[image] input 3x8x8\n[c] conv filters=12 kernel=1\n"


def test_slice_takes_channels_from_the_first_on() -> None:
    text = IMAGE + "[a] slice channels=5 -> 5x8x8 weights=0 connections=0\n[b] slice channels=2 first=3 neuron=relu"
    assert ops_of(text, "a") == [Slice(0, 5)]
    assert ops_of(text, "b") == [Slice(3, 2), Relu()]
    assert valid_net("[v] input 10\n[a] slice channels=3 first=7").layers["a"].output == Shape(3)


def test_slice_of_a_split_value_is_one_of_each_share() -> None:
    text = SPLIT_CONV + "[a] slice channels=4 first=2\n[b] slice channels=4 inputs=image\n[d] slice channels=3 inputs=a"
    found = only_diagnostic(text.replace("channels=4 inputs=image", "channels=2 inputs=image"))
    assert (found.message, found.notes) == (
        "d: 2 GPU groups do not divide its channels",
        ("3 / 2 = 1.5: each group takes an equal part of its own share",),
    )
    assert [fix.title for fix in found.fixes] == ["d channels=2", "d channels=4"]
    text = text.replace("channels=4 inputs=image", "channels=2 inputs=image").replace("channels=3", "channels=2")
    assert [ops_of(text, name)[0] for name in "abd"] == [Slice(2, 4, groups=2), Slice(0, 2), Slice(0, 2, groups=2)]
    assert valid_net(text).graph.layers["a"].placement == SPLIT


def test_slice_of_a_whole_value_may_be_split() -> None:
    text = SPLIT_CONV + "[w] relu inputs=image\n[x] slice channels=2 gpu=all"
    assert ops_of(text, "x") == [Slice(0, 2)]
    assert valid_net(text).graph.layers["x"].placement == SPLIT


def test_slices_undo_a_concat_of_split_values() -> None:
    """The concat is group by group, so each slice has the channels of one of its inputs."""
    text = SPLIT_CONV + "[d] conv filters=8 kernel=1\n[all] concat inputs=c,d\n[x] slice channels=12\n"
    text += "[y] slice channels=8 first=12 inputs=all"
    assert [ops_of(text, name)[0] for name in "xy"] == [Slice(0, 12, groups=2), Slice(12, 8, groups=2)]


@pytest.mark.parametrize(
    ("keys", "message", "fixes"),
    [
        ("channels=8 first=6", "6 + 8 = 14, its input has 12 channels", ["a channels=6", "a first=4"]),
        ("channels=13", "0 + 13 = 13, its input has 12 channels", ["a channels=12"]),
        ("channels=2 first=12", "12 + 2 = 14, its input has 12 channels", ["a first=10"]),
    ],
)
def test_channels_that_are_not_there(keys: str, message: str, fixes: list[str]) -> None:
    found = only_diagnostic(IMAGE + f"[a] slice {keys}")
    assert (found.code, found.notes) == ("slice-outside-value", (message,))
    assert [fix.title for fix in found.fixes] == fixes


@pytest.mark.parametrize("written", ["0..5", "0:6", "0-5"])
def test_range_of_channels_is_explained(written: str) -> None:
    found = only_diagnostic(IMAGE + f"[a] slice channels={written}")
    assert found.notes == ("channels= is a number of channels, and first= the first of them: channels=32 first=0",)


def test_shuffle_is_of_each_share() -> None:
    assert ops_of(IMAGE + "[a] shuffle groups=3", "a") == [Shuffle(3)]
    assert ops_of(SPLIT_CONV + "[a] shuffle groups=3", "a") == [Shuffle(3, shares=2)]
    found = only_diagnostic(SPLIT_CONV + "[a] shuffle groups=4")
    assert found.notes == ("6 channels of each of 2 GPU groups / 4 groups = 1.5, not a whole number",)
    assert [fix.title for fix in found.fixes] == ["a groups=3"]
    found = only_diagnostic(IMAGE + "[a] shuffle groups=5")
    assert (found.code, found.fixes[0].title) == ("groups-do-not-divide", "a groups=4")
