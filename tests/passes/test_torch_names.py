"""The attribute names of layers and the state keys of parameters in generated modules."""

from __future__ import annotations

from building import Builder
from torch import nn

from netspec.ir.graph import Graph
from netspec.ir.ops import Linear
from netspec.passes.torch_names import RESERVED, attributes, state_keys, suffix


def graph(*layers: str) -> Graph:
    builder = Builder()
    last = builder.input(3)
    for name in layers:
        last = builder.add(name, Linear(3), last)
    return builder.graph()


def test_all_attributes_of_torch_modules_are_reserved() -> None:
    assert {name for name in dir(nn.Module()) if not name.startswith("__")} <= RESERVED


def test_reserved_names_get_a_trailing_underscore() -> None:
    names = attributes(graph("train", "float", "conv1", "__init__", "_plan", "x-y"))
    assert names == {
        "image": "image",
        "train": "train_",
        "float": "float_",
        "conv1": "conv1",
        "__init__": "__init___",
        "_plan": "_plan_",
        "x-y": "x-y",
    }


def test_renamed_layers_do_not_collide_with_other_layers() -> None:
    names = attributes(graph("train", "train_", "type_", "type"))
    assert (names["train"], names["train_"], names["type"], names["type_"]) == ("train__", "train_", "type__", "type_")


def test_state_keys_follow_the_attribute_names() -> None:
    net = graph("train", "fc")
    assert state_keys(net) == {
        "train.weight": "train_.weight",
        "train.bias": "train_.bias",
        "fc.weight": "fc.weight",
        "fc.bias": "fc.bias",
    }
    assert [suffix(p) for p in net.parameters.values()] == ["weight", "bias", "weight", "bias"]
