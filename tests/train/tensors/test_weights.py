"""Exporting and reading weights in every layout, and weights that do not fit."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
import torch
from places import ROOT
from processes import invoke
from safetensors import safe_open
from safetensors.torch import save_file
from tiny_network import SPEC, tiny_net, train_tiny
from torch import Tensor

import netspec
from netspec.ir.graph import Graph
from netspec.passes.torch_names import axes_of
from netspec.train.errors import RequestError, TrainError
from netspec.train.learning.objective import build
from netspec.train.runs import checkpoint
from netspec.train.runs.saved import Saved, open_run
from netspec.train.tensors.export import exported
from netspec.train.tensors.fitting import fit
from netspec.train.tensors.layouts import merged, split_layers, to_layout
from netspec.train.tensors.weights import Weights, read_weights


def read_without_warnings(path: Path) -> Weights:
    return read_weights(path, lambda text: pytest.fail(text))


def identical(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Whether two dictionaries, in any order, have the same tensors."""
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def state_with_weights(graph: Graph, path: Path, *fresh: str) -> dict[str, Tensor]:
    """Return the state of the graph's module after it has taken its weights from a file, except layers in ``fresh``."""
    module = build(graph, 5, "cpu").module
    fit(graph, module, read_without_warnings(path), fresh)
    return module.state_dict()


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


def test_all_common_forms_of_weight_files_are_read(run: Path, tmp_path: Path) -> None:
    saved = open_run(run, print)
    torch.save(saved.weights, tmp_path / "plain.pt")
    for name in ("state_dict", "model_state_dict", "model"):
        torch.save({"epoch": 3, name: saved.weights, "optimizer": {}}, tmp_path / f"{name}.pth")
    torch.save({f"module.{key}": tensor for key, tensor in saved.weights.items()}, tmp_path / "parallel.pt")
    save_file(saved.weights, tmp_path / "bare.safetensors")
    for path in (run, saved.path, *tmp_path.iterdir()):
        assert identical(state_with_weights(saved.graph, path), saved.weights), path
    newest = checkpoint.list_checkpoints(run / "checkpoints")[-1]
    digest = hashlib.sha256(newest.read_bytes()).hexdigest()
    assert read_without_warnings(run).facts() == {"file": str(newest), "sha256": digest}


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.safetensors", b"\x00" * 20, "is damaged or not a safetensors file"),
        (
            "a.pt",
            b"PK\x03\x04" + b"cut short" * 99,
            "weights: PytorchStreamReader failed reading zip archive: [a-z ]+$",
        ),
        ("a.pth", b"", "cannot be read as weights"),
        ("a.txt", b"hello", "cannot be read as weights$"),
        ("a.jpg", b"\xff\xd8\xff\xe0 no pickle", "cannot be read as weights$"),
    ],
)
def test_file_without_weights_is_an_error(tmp_path: Path, name: str, content: bytes, error: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TrainError, match=error):
        read_without_warnings(tmp_path / name)


@pytest.mark.parametrize(("name", "arguments"), [("a.onnx", "{} "), ("a.caffemodel", "DEPLOY.prototxt --weights {} ")])
def test_command_for_weights_of_other_programs(tmp_path: Path, name: str, arguments: str) -> None:
    (path := tmp_path / name).write_bytes(b"\x08\x07")
    with pytest.raises(TrainError, match="cannot be read as weights") as caught:
        read_without_warnings(path)
    (note,) = caught.value.notes
    assert note == f"this converts them: netspec import {arguments.format(path)}--save-weights OUT.safetensors"


def test_file_of_torch_save_with_the_ending_of_safetensors_is_recognised(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    with pytest.raises(TrainError, match="not a safetensors file") as caught:
        read_without_warnings(tmp_path / "a.safetensors")
    assert caught.value.notes == ("it is a file of torch.save: give it the ending .pth",)


def test_code_in_a_file_is_not_executed(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (open, (str(tmp_path / "was_run"), "w"))  # type: ignore[return-value]

    torch.save({"w": Evil()}, tmp_path / "a.pt")
    with pytest.raises(TrainError, match=r"it contains a \w+.open, and code in a file is not executed") as caught:
        read_without_warnings(tmp_path / "a.pt")
    assert "state_dict" in caught.value.notes[0]
    assert not (tmp_path / "was_run").exists()


def test_missing_file_and_file_without_tensors_are_errors(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        read_without_warnings(run.with_name("rum"))
    assert caught.value.notes == (f"did you mean {run}?",)
    torch.save([1, 2], tmp_path / "a.pt")
    with pytest.raises(TrainError, match="holds no weights"):
        read_without_warnings(tmp_path / "a.pt")


@pytest.mark.parametrize(("shape", "fits"), [((4, 3), True), ((3, 4), False), ((1, 4, 3, 1), True), ((4, 3, 2), False)])
def test_same_weights_in_another_shape_are_told_apart_from_others(
    tmp_path: Path, shape: tuple[int], fits: bool
) -> None:
    """nn.Linear over the channels is a convolution with a kernel of one pixel, whose weights have two more axes."""
    graph = netspec.loads("[i] input 3x2x2\n[c] conv filters=4 kernel=1\n").graph
    torch.save({"c.weight": torch.ones(shape), "c.bias": torch.ones(4)}, tmp_path / "a.pth")
    with pytest.raises(TrainError, match="do not fit") as caught:
        state_with_weights(graph, tmp_path / "a.pth")
    assert caught.value.notes[0].endswith(", which reshape(4, 3, 1, 1) makes the same") == fits


def test_layers_with_other_shapes_are_named_or_fresh(run: Path) -> None:
    graph = tiny_net("outputs=4", "outputs=7").graph
    with pytest.raises(TrainError, match="do not fit tiny") as caught:
        state_with_weights(graph, run)
    assert caught.value.notes == (
        "fc4.weight is 7x288 in the network and 4x288 in the file",
        "fc4.bias is 7 in the network and 4 in the file",
        "to start a layer anew instead of taking it from the file: --fresh fc4",
    )
    found = state_with_weights(graph, run, "fc4")
    assert torch.equal(found["conv1.weight"], open_run(run, print).weights["conv1.weight"])
    assert torch.equal(found["fc4.weight"], build(graph, 5, "cpu").module.state_dict()["fc4.weight"])


def test_missing_and_unexpected_tensors_are_named(run: Path) -> None:
    text = SPEC.replace("[fc4]", "[fc5]")
    with pytest.raises(TrainError) as caught:
        state_with_weights(netspec.loads(text).graph, run)
    assert caught.value.notes == (
        "fc5.weight (4x288) is not in the file; it has fc4.weight",
        "fc5.bias (4) is not in the file; it has fc4.bias",
        "fc4.weight (4x288) of the file is not in the network; it has fc5.weight",
        "fc4.bias (4) of the file is not in the network; it has fc5.bias",
        "to start a layer anew instead of taking it from the file: --fresh fc4,fc5",
    )
    module = build(netspec.loads(text).graph, 0, "cpu").module
    fitted = fit(netspec.loads(text).graph, module, read_without_warnings(run), ("fc4", "fc5"))
    assert (fitted.taken, fitted.fresh, fitted.left_out) == (10, ("fc5",), ("fc4",))


def test_tensors_with_other_names_are_recognised_by_their_order(run: Path, tmp_path: Path) -> None:
    theirs = {
        f"body.{i}.{key.rpartition('.')[2]}": t for i, (key, t) in enumerate(read_without_warnings(run).tensors.items())
    }
    torch.save(theirs, tmp_path / "theirs.pt")
    with pytest.raises(TrainError) as caught:
        state_with_weights(tiny_net().graph, tmp_path / "theirs.pt")
    notes = caught.value.notes
    assert len(notes) == 6 and notes[2] == "and 22 more"
    assert notes[3].endswith("under other names, body.0.weight where conv1.weight is sought")
    spec, renamed = tmp_path / "tiny.net", tmp_path / "renamed.safetensors"
    spec.write_text(SPEC, "utf-8")
    advice = notes[5].replace("SPEC", str(spec)).replace("renamed.safetensors", str(renamed)).split()
    assert advice[0] == "netspec"
    assert invoke(*advice[1:]).exit_code == 0
    found = state_with_weights(tiny_net().graph, renamed)
    tensors = read_without_warnings(run).tensors
    assert all(torch.equal(found[key], tensors[key]) for key in tensors if not key.endswith(".num_batches_tracked"))


def test_advice_on_other_names_depends_on_the_file_format(run: Path, tmp_path: Path) -> None:
    names = re.compile(r"\b(conv|pool|fc)(\d)\b")
    other = netspec.loads(names.sub(r"\1_\2", SPEC)).graph
    with pytest.raises(TrainError) as caught:
        state_with_weights(other, run)
    assert (
        caught.value.notes[-1] == "where these are the same layers, give those of the spec the names that the file has"
    )
    assert not any("--by-order" in note for note in caught.value.notes)
    pair = netspec.loads("[i] input 4\n[a] fc outputs=4 bias=none\n[b] fc outputs=4 bias=none\n").graph
    tensors = {"body.9.weight": torch.zeros(4, 4), "body.10.weight": torch.ones(4, 4)}
    save_file(tensors, tmp_path / "sorted.safetensors")
    torch.save(tensors, tmp_path / "ordered.pt")
    for name, recognised in (("sorted.safetensors", False), ("ordered.pt", True)):
        with pytest.raises(TrainError) as caught:
            state_with_weights(pair, tmp_path / name)
        assert any("body.9.weight where a.weight is sought" in note for note in caught.value.notes) == recognised


def test_fresh_is_not_suggested_if_no_layer_fits(tmp_path: Path) -> None:
    torch.save({"head.weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(TrainError) as caught:
        state_with_weights(tiny_net().graph, tmp_path / "other.pt")
    assert not any("--fresh" in note for note in caught.value.notes)


def test_unknown_fresh_layer_and_infinite_weights_are_errors(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="--fresh fc9: tiny has no layer with weights of this name") as caught:
        state_with_weights(tiny_net().graph, run, "fc9")
    assert caught.value.notes == ("did you mean fc4?",)
    weights = open_run(run, print).weights
    weights["conv1.bias"] = torch.full((8,), torch.inf)
    torch.save(weights, tmp_path / "a.pt")
    with pytest.raises(TrainError) as problem:
        state_with_weights(tiny_net().graph, tmp_path / "a.pt")
    assert problem.value.notes[0] == "conv1.bias has numbers in the file that are infinite or NaN"


def test_training_starts_from_the_given_weights(run: Path, tmp_path: Path) -> None:
    out = train_tiny(
        tmp_path / "tuned", spec=SPEC.replace("outputs=4", "outputs=5"), steps=1, weights=run, fresh=("fc4",)
    )
    first, last = map(checkpoint.load, checkpoint.list_checkpoints(out / "checkpoints"))
    assert first["step"] == 0
    assert torch.equal(first["weights"]["conv1.weight"], open_run(run, print).weights["conv1.weight"])
    assert not torch.equal(last["weights"]["conv1.weight"], first["weights"]["conv1.weight"])
    recorded = json.loads((out / "run.json").read_text())["weights"]
    assert recorded == {**read_without_warnings(run).facts(), "fresh": ["fc4"], "left_out": []}


@pytest.mark.ci
def test_different_pixel_preparation_is_a_warning(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    warning = "was trained on pixels prepared otherwise: "
    for keys, differences in (
        ("range=1 mean=image", ""),
        ("range=255 mean=none", "range=1, here range=255; mean=image, here mean=none"),
        ("range=1 mean=0.5,0.25,1 order=bgr", "order=rgb, here order=bgr; mean=image, here mean=0.5,0.25,1"),
    ):
        Path("t.net").write_text(SPEC.replace("range=1 mean=image", keys))
        done = invoke(
            "train", "t.net", "--data", "synthetic", "--steps", 1, "--out", f"run-{len(differences)}", "--weights", run
        )
        assert done.exit_code == 0, done.output
        printed = " ".join(done.stderr.split())
        assert warning + differences in printed if differences else warning not in printed


def test_unsuitable_weights_leave_no_run_folder(run: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="do not fit tiny"):
        train_tiny(tmp_path / "tuned", spec=SPEC.replace("outputs=4", "outputs=5"), steps=1, weights=run)
    with pytest.raises(RequestError, match="--fresh says which layers are not taken from --weights"):
        train_tiny(tmp_path / "tuned", steps=1, fresh=("fc4",))
    assert not (tmp_path / "tuned").exists()


def test_fresh_option_takes_several_layers(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.net").write_text(SPEC.replace("outputs=4", "outputs=5"))
    done = invoke(
        "train", "t.net", "--data", "synthetic", "--steps", 1, "--out", "tuned",
        "--weights", run, "--fresh", "conv3,fc4", "--fresh", "norm2",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert json.loads(Path("tuned/run.json").read_text())["weights"]["fresh"] == ["conv3", "fc4", "norm2"]


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
