"""Reading files of weights: the forms that they may have, and what is no such file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from fitted_weights import identical, read_without_warnings, state_with_weights
from safetensors.torch import save_file

from netspec.train.errors import RequestError, TrainError
from netspec.train.runs import checkpoint
from netspec.train.runs.saved import open_run


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


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("a.onnx", "{} "), ("a.caffemodel", "DEPLOY.prototxt --weights {} "), ("a.weights", "NETWORK.cfg --weights {} ")],
)
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
