"""Exporting weights in every layout, and reading them back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from fitted_weights import identical, state_with_weights
from places import ROOT
from processes import invoke
from safetensors import safe_open
from safetensors.torch import save_file

import netspec
from netspec.passes.torch_names import axes_of
from netspec.train.errors import TrainError
from netspec.train.learning.objective import build
from netspec.train.runs.saved import Saved, open_run
from netspec.train.tensors.export import exported
from netspec.train.tensors.layouts import merged, split_layers, to_layout


@pytest.mark.parametrize("layout", ["groups", "merged"])
def test_exported_run_is_read_back_bit_for_bit(run: Path, tmp_path: Path, layout: str) -> None:
    out = tmp_path / "w.safetensors"
    done = invoke("export", run, "-o", out, "--layout", layout)
    assert done.exit_code == 0, done.output
    saved = open_run(run, print)
    assert identical(state_with_weights(saved.graph, out), saved.weights)
    with safe_open(out, framework="pt") as file:
        about = json.loads(file.metadata()["netspec"])
    assert (about["layout"], about["net"], about["spec_sha256"]) == (layout, "tiny", saved.spec_sha256)
    first = out.read_bytes()
    assert invoke("export", run, "-o", out, "--layout", layout).exit_code == 0  # its own file may be overwritten
    assert out.read_bytes() == first


def test_groups_layout_splits_the_merged_tensors(run: Path) -> None:
    saved = open_run(run, print)
    parts = to_layout(saved.graph, saved.weights, "groups")
    assert split_layers(saved.graph, saved.weights) == ("conv1", "conv2", "norm2", "conv3")
    assert torch.equal(parts["conv1.1.weight"], saved.weights["conv1.weight"][4:])
    assert parts["norm2.0.running_mean"].shape == (4,)
    assert parts["fc4.weight"].shape == (4, 8 * 36)  # gpu=0: not split
    assert identical(merged(parts, 2, ("conv1", "conv2", "norm2", "conv3"), {}), saved.weights)
    del parts["conv3.0.bias"]
    with pytest.raises(TrainError, match=r"conv3.1.bias: the parts of conv3 should be conv3.0.bias, conv3.1.bias"):
        merged(parts, 2, ("conv1", "conv2", "norm2", "conv3"), {})
    parts["conv3.0.bias"] = torch.zeros(1, 2)
    with pytest.raises(TrainError, match=r"the parts of conv3.bias do not fit together: "):
        merged(parts, 2, ("conv1", "conv2", "norm2", "conv3"), {})


def test_groups_layout_has_alexnets_towers() -> None:
    graph = netspec.load(ROOT / "specs" / "alexnet.net").graph
    shapes = {key: tuple(p.shape) for key, p in graph.parameters.items()}
    parts = to_layout(graph, {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}, "groups")
    found = {key: tuple(tensor.shape) for key, tensor in parts.items() if key.endswith("weight")}
    assert found["conv1.0.weight"] == found["conv1.1.weight"] == (48, 3, 11, 11)
    assert found["conv2.1.weight"] == (128, 48, 5, 5)
    assert found["conv3.0.weight"] == (192, 256, 3, 3)
    assert found["fc6.1.weight"] == (2048, 9216)
    assert found["fc8.weight"] == (1000, 4096)


def test_groups_layout_with_several_inputs_and_without_groups() -> None:
    text = "[image] input 3x8x8\n[a] conv filters=4 kernel=3\n[b] conv filters=4 kernel=3 inputs=image\n"
    text += "[c] conv filters=4 kernel=1 inputs=a,b\n[p] prelu shared=yes\n[fc] fc outputs=2 gpu=0\n"
    for groups in ("", "gpus 2\n"):
        graph = netspec.loads(groups + text if groups else text.replace(" gpu=0", "")).graph
        weights = build(graph, 0, "cpu").module.state_dict()
        parts = to_layout(graph, weights, "groups")
        assert ("c.1.weights.1" in parts) == bool(groups)
        assert parts["p.weight"].shape == (1,)
        assert identical(merged(parts, 2, split_layers(graph, weights), axes_of(graph)), weights)


def test_torchvision_layout_is_written_and_read(tmp_path: Path) -> None:
    graph = netspec.load(ROOT / "specs" / "alexnet-torchvision.net").graph
    keys = {key: torch.empty(p.shape, device="meta") for key, p in graph.parameters.items()}
    theirs = to_layout(graph, keys, "torchvision")
    assert list(theirs)[:2] == ["features.0.weight", "features.0.bias"]
    assert list(theirs)[-1] == "classifier.6.bias"
    assert theirs["features.10.weight"] is keys["conv5.weight"]
    small = {key: torch.zeros(1) + number for number, key in enumerate(theirs)}
    torch.save(small, tmp_path / "alexnet.pth")
    with pytest.raises(TrainError) as caught:
        state_with_weights(graph, tmp_path / "alexnet.pth")
    assert "conv1.weight is 64x3x11x11 in the network and 1 in the file" in caught.value.notes
    with pytest.raises(TrainError, match="the file has torchvision's layers, and the network has others"):
        state_with_weights(netspec.loads("[image] input 3x8x8\n[fc] fc outputs=2").graph, tmp_path / "alexnet.pth")


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("alexnet", "conv1 .* has no counterpart: torchvision's alexnet has: conv of 64 kernels 3x11x11"),
        ("digits", "conv1 .conv of 16 kernels 1x3x3, stride 1x1, pad 1x1. has no counterpart"),
    ],
)
def test_other_networks_have_no_torchvision_layout(name: str, note: str) -> None:
    graph = netspec.load(ROOT / "specs" / f"{name}.net").graph
    with pytest.raises(TrainError, match="is not torchvision's alexnet") as caught:
        to_layout(graph, {}, "torchvision")
    assert re.search(note, caught.value.notes[0])


def test_changed_torchvision_alexnet_has_no_torchvision_layout() -> None:
    text = (ROOT / "specs" / "alexnet-torchvision.net").read_text()
    for old, new, note in (
        ("[pool1]", "[norm1] lrn size=5 scale=1e-4\n[pool1]", "norm1 (lrn) has no counterpart"),
        ("outputs=1000  neuron=linear", "outputs=1000  neuron=relu", "fc8 (relu) has no counterpart: torchvision"),
        ("[pool5]  maxpool  kernel=3  stride=2 ", "[pool5]  avgpool  kernel=3  stride=2 ", "pool5 (avgpool) has no"),
    ):
        with pytest.raises(TrainError) as caught:
            to_layout(netspec.loads(text.replace(old, new)).graph, {}, "torchvision")
        assert caught.value.notes[0].startswith(note)
    ten = netspec.loads(text.replace("outputs=1000", "outputs=10")).graph
    weights = {key: torch.empty(p.shape, device="meta") for key, p in ten.parameters.items()}
    assert to_layout(ten, weights, "torchvision")["classifier.6.weight"].shape == (10, 4096)


def test_export_does_not_overwrite_other_files(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "a.safetensors"
    save_file({"w": torch.zeros(2)}, other)
    before = other.read_bytes()
    for path in (other, tmp_path / "text.safetensors"):
        if path != other:
            path.write_text("a poem")
        done = invoke("export", run, "-o", path)
        assert done.exit_code == 2
        assert f"{path} was not written by netspec and stays as it is" in done.stderr
    assert other.read_bytes() == before
    (tmp_path / "d.safetensors").mkdir()
    assert "is not a file" in invoke("export", run, "-o", tmp_path / "d.safetensors").stderr
    assert invoke("export", run, "-o", tmp_path / "a.pt").exit_code == 2
    done = invoke("export", run, "-o", tmp_path / "t.safetensors", "--layout", "torchvision")
    assert done.exit_code == 1 and "tiny is not torchvision's alexnet" in done.stderr


@pytest.mark.slow  # 61 million parameters, written twice and read three times: several seconds and half a gigabyte
def test_full_torchvision_alexnet_is_read_back_bit_for_bit(tmp_path: Path) -> None:
    net_ = netspec.load(ROOT / "specs" / "alexnet-torchvision.net")
    weights = build(net_.graph, 0, "cpu").module.state_dict()
    state = {"step": 0, "seed": 0, "spec_sha256": "", "weights": weights}
    data, tensors = exported(Saved(tmp_path, None, net_, state), "torchvision")
    (tmp_path / "a.safetensors").write_bytes(data)
    assert tensors == 16
    assert identical(state_with_weights(net_.graph, tmp_path / "a.safetensors"), weights)
    theirs = to_layout(net_.graph, weights, "torchvision")
    torch.save(theirs, tmp_path / "alexnet.pth")
    assert identical(state_with_weights(net_.graph, tmp_path / "alexnet.pth"), weights)
    save_file({key: tensor.clone() for key, tensor in theirs.items()}, tmp_path / "bare.safetensors")
    assert identical(state_with_weights(net_.graph, tmp_path / "bare.safetensors"), weights)
    ten = netspec.loads(net_.source.text.replace("outputs=1000", "outputs=10")).graph
    with pytest.raises(TrainError) as caught:
        state_with_weights(ten, tmp_path / "alexnet.pth")
    assert caught.value.notes[0] == "fc8.weight is 10x4096 in the network and 1000x4096 in the file"
    assert torch.equal(state_with_weights(ten, tmp_path / "alexnet.pth", "fc8")["fc7.weight"], weights["fc7.weight"])
