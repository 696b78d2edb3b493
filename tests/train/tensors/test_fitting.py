"""Weights of a file that fit a network or do not, and training from them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from fitted_weights import read_without_warnings, state_with_weights
from processes import invoke
from safetensors.torch import save_file
from tiny_network import SPEC, tiny_net, train_tiny

import netspec
from netspec.train.errors import RequestError, TrainError
from netspec.train.learning.objective import build
from netspec.train.runs import checkpoint
from netspec.train.runs.saved import open_run
from netspec.train.tensors.fitting import fit


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
    torch.save({**weights, "conv1.bias": torch.ones(8, dtype=torch.int64)}, tmp_path / "a.pt")
    with pytest.raises(TrainError) as problem:
        state_with_weights(tiny_net().graph, tmp_path / "a.pt")
    assert problem.value.notes[0] == "conv1.bias is not a tensor of real numbers in the file, but of torch.int64"


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
