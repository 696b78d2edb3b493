"""Networks that Caffe itself rejects."""

from __future__ import annotations

import pytest
from caffe_files import images, layer, message
from prototxt import layers, mistakes, net, problems, rejected, spec

from netspec.ir.shape import Shape


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (layer("f", "ReLU", ["data", "a"]), "f: it has 2 bottoms, and ReLU takes 1"),
        (layer("f", "ReLU", "data", ["f", "g"]), "f: it has 2 tops, and ReLU takes 1"),
        (layer("f", "ReLU"), "f: it has 0 bottoms, and ReLU takes 1"),
        (f"layer {{ {message(name='f', type='ReLU', bottom='data')} }}", "f: it has 0 tops, and ReLU takes 1"),
        (
            layer("f", "InnerProduct", ["data", "a"], inner_product_param={"num_output": 2}),
            "f: it has 2 bottoms, and InnerProduct takes 1",
        ),
        (layer("f", "Concat"), "f: it has 0 bottoms, and Concat takes at least 1"),
        (layer("f", "Eltwise", "data"), "f: it has 1 bottom, and Eltwise takes at least 2"),
        (layer("f", "Scale", ["data", "a", "a"]), "f: it has 3 bottoms, and Scale takes 1 to 2"),
        (layer("f", "Silence", "data"), "f: it has 1 top, and Silence takes 0"),
    ],
)
def test_number_of_bottoms_and_tops(wrong: str, expected: str) -> None:
    assert rejected(images(3, 9, 9) + layer("a", "TanH", "data") + wrong) == [expected]


@pytest.mark.parametrize("reader", [layer("b", "TanH", "a"), ""])
def test_change_in_place_of_a_value_that_others_read(reader: str) -> None:
    text = images(3, 9, 9) + layer("a", "Sigmoid", "data") + reader
    if reader:
        text += layer("r", "ReLU", "a", "a")
        expected = "r: it changes a in place, but b reads a unchanged"
    else:
        text += layer("r", "Eltwise", ["a", "a"], "a")
        expected = "r: it changes a in place, but it reads a unchanged"
    assert rejected(text)[0] == expected


def test_readers_below_a_change_in_place_read_the_result() -> None:
    text = images(3, 9, 9) + layer("a", "TanH", "data") + layer("r", "Sigmoid", "a", "a")
    text += layer("b", "ReLU", "a") + layer("s", "Eltwise", ["a", "b"])
    assert layers(text) == ["[a] tanh", "[r] logistic", "[b] relu", "[s] sum inputs=r,b"]


@pytest.mark.parametrize("type_", ["AbsVal", "Flatten", "Reshape"])
def test_layers_that_do_not_work_in_place(type_: str) -> None:
    text = images(3, 9, 9) + layer("a", "TanH", "data") + layer("f", type_, "a", "a")
    assert rejected(text) == [f"f: {type_} does not work in place"]


@pytest.mark.parametrize("fields", [{"stride_h": 2}, {"pad_h": 1}])
def test_one_side_of_a_pooling_alone(fields: dict[str, int]) -> None:
    (name,) = fields
    text = images(3, 9, 9) + layer("p", "Pooling", "data", pooling_param={"kernel_size": 3, **fields})
    assert rejected(text) == [f"p: {name} is given alone"]


def test_one_side_of_a_convolution_alone() -> None:
    fields = {"num_output": 2, "kernel_size": 3}
    wrong = layer("c", "Convolution", "data", convolution_param={**fields, "stride_w": 2})
    assert rejected(images(3, 9, 9) + wrong) == ["c: stride_w is given alone"]
    right = layer("c", "Convolution", "data", convolution_param={**fields, "pad_w": 1})
    assert layers(images(3, 9, 9) + right) == ["[c] conv filters=2 kernel=3 pad=1,1,0,0"]


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        # ceil((9 - 10) / 3) + 1 = 1 window, which is cut to the map.
        ({"pool": "MAX", "kernel_size": 10, "stride": 3}, ["[p] maxpool kernel=9 stride=3"]),
        ({"pool": "AVE", "kernel_size": 10, "stride": 3}, ["[p] avgpool kernel=9 stride=3"]),
        (
            {"pool": "AVE", "kernel_size": 12, "stride": 3, "pad": 1},
            ["[zeropad] zeropad pad=1", "[p] avgpool kernel=11 stride=3"],
        ),
    ],
)
def test_pooling_whose_window_reaches_past_the_map(fields: dict[str, object], lines: list[str]) -> None:
    text = images(3, 9, 9) + layer("p", "Pooling", "data", pooling_param=fields)
    assert layers(text) == lines
    assert net(text)["p"].output == Shape(3, 1, 1)


def test_windows_that_are_too_large() -> None:
    text = images(3, 9, 9) + layer("p", "Pooling", "data", pooling_param={"kernel_size": 10})
    assert rejected(text) == ["p: its window is larger than its bottom"]
    window = {"num_output": 2, "kernel_size": 11, "stride": 2}
    text = images(3, 9, 9) + layer("c", "Convolution", "data", convolution_param=window)
    assert rejected(text) == ["c: its window is larger than its bottom"]
    text = images(3, 9, 9) + layer("c", "Convolution", "data", convolution_param=window | {"stride": 3})
    note = "its window reaches past its bottom (height: the window spans 11, the bottom has 9 + 0 + 0)"
    assert problems(text) == [f"c (Convolution) in line 2: {note}"]


def test_layer_of_another_stage() -> None:
    rule = {"stage": "deploy"}
    text = images(3, 9, 9) + layer("a", "ReLU", "data", include=rule) + layer("b", "TanH", "a")
    (found,) = mistakes(text)
    assert found.message == "b: no layer above it computes a"
    assert found.notes == (
        'a, in line 2, computes it, but is left out by its rule, include { stage: "deploy" }',
        "the train_state of a solver chooses stages: --params solver.prototxt",
    )


def test_network_without_losses_is_that_of_testing() -> None:
    text = images(3, 9, 9) + layer("a", "ReLU", "data") + layer("b", "Softmax", "a", include={"phase": "TEST"})
    assert spec(text)[-1] == "[b] softmax"
