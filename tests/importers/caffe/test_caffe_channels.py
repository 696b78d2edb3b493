"""Layers of Caffe that take or rearrange channels, and the convolutions of single channels of other versions."""

from __future__ import annotations

import pytest
from caffe_files import images, layer
from prototxt import layers, net, problems, rejected


def slice_(tops: list[str], **fields: object) -> str:
    return layer("s", "Slice", "data", tops, slice_param=fields)


def concat(*bottoms: str) -> str:
    return layer("c", "Concat", list(bottoms))


@pytest.mark.parametrize(
    ("tops", "fields", "lines"),
    [
        (["a", "b"], {}, ["[a] slice channels=3", "[b] slice channels=3 first=3 inputs=data"]),
        (["a", "b"], {"slice_point": 2, "axis": 1},
         ["[a] slice channels=2", "[b] slice channels=4 first=2 inputs=data"]),
        (["a", "b", "d"], {"slice_point": [1, 5], "slice_dim": 1},
         ["[a] slice channels=1", "[b] slice channels=4 first=1 inputs=data",
          "[d] slice channels=1 first=5 inputs=data"]),
        (["a", "b"], {"axis": -3}, ["[a] slice channels=3", "[b] slice channels=3 first=3 inputs=data"]),
    ],
)  # fmt: skip
def test_slices(tops: list[str], fields: dict[str, object], lines: list[str]) -> None:
    text = images(6, 4, 5) + slice_(tops, **fields) + concat(*tops[::-1])
    assert layers(text)[:-1] == lines
    assert net(text)["c"].output == (6, 4, 5)
    assert net(text).graph.layers["c"].inputs == tuple(line[1:].partition("]")[0] for line in lines[::-1])


def test_slices_of_features() -> None:
    text = layer("f", "InnerProduct", "data", inner_product_param={"num_output": 5})
    text += layer("s", "Slice", "f", ["a", "b"], slice_param={"slice_point": 2}) + concat("b", "a")
    assert layers(images(6, 4, 5) + text) == [
        "[f] fc outputs=5", "[a] slice channels=2", "[b] slice channels=3 first=2 inputs=f",
        "[c] concat inputs=b,a",
    ]  # fmt: skip


def test_slice_with_one_top_is_the_value() -> None:
    assert layers(images(6, 4, 5) + slice_(["a"]) + layer("r", "ReLU", "a")) == ["[r] relu"]


def test_slices_of_other_axes_are_refused() -> None:
    (note,) = problems(images(6, 4, 5) + slice_(["a", "b"], axis=2) + concat("a", "b"))
    assert note == "s (Slice) in line 2: it divides another axis than the channels"


@pytest.mark.parametrize(
    ("tops", "fields", "message"),
    [
        (["a", "b", "c", "d"], {}, "its 4 tops do not divide its 6 channels"),
        (["a", "b"], {"slice_point": [1, 2]}, "it has 2 tops and 2 slice_point"),
        (["a", "b"], {"slice_point": 6}, "its slice_point do not increase from 1 to 5, its number of channels less 1"),
        (["a", "b", "c"], {"slice_point": [3, 3]},
         "its slice_point do not increase from 1 to 5, its number of channels less 1"),
        (["a", "b"], {"axis": 1, "slice_dim": 1}, "axis and slice_dim are both given"),
    ],
)  # fmt: skip
def test_slices_that_caffe_rejects(tops: list[str], fields: dict[str, object], message: str) -> None:
    assert rejected(images(6, 4, 5) + slice_(tops, **fields)) == [f"s: {message}"]


def test_shuffle_of_other_versions() -> None:
    assert layers(images(6, 4, 5) + layer("s", "ShuffleChannel", "data", shuffle_channel_param={"group": 3})) == [
        "[s] shuffle groups=3"
    ]
    other = layer("s", "ShuffleChannel", "data", shuffle_channel_param={"group": 4})
    assert rejected(images(6, 4, 5) + other) == ["s: its group does not divide its 6 channels"]
    text = images(6, 4, 5) + layer("s", "ShuffleChannel", "data") + layer("r", "ReLU", "s")
    assert layers(text) == ["[r] relu"]


@pytest.mark.parametrize("type_", ["ConvolutionDepthwise", "DepthwiseConvolution"])
def test_convolutions_of_single_channels_of_other_versions(type_: str) -> None:
    fields = {"num_output": 6, "kernel_size": 3, "pad": 1, "bias_term": False}
    assert layers(images(6, 4, 5) + layer("c", type_, "data", convolution_param=fields)) == [
        "[c] conv filters=6 kernel=3 pad=1 groups=6 bias=none"
    ]
    (note,) = problems(images(6, 4, 5) + layer("c", type_, "data", convolution_param={**fields, "num_output": 12}))
    assert note.endswith("it has 6 channels and 12 filters")
