"""``netspec import`` of models of Keras with their weights, and other commands."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from keras_networks import DIGITS, archive, hdf5, image, layer, random_weights, sequential, write_files
from processes import invoke
from safetensors.torch import load_file

import netspec
from netspec.diagnostics import SpecError
from netspec.net import import_keras
from netspec.source import Source

h5py = pytest.importorskip("h5py", reason="h5py is not installed: pip install h5py")


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)


def saved(*arguments: str) -> dict[str, torch.Tensor]:
    done = invoke("import", *arguments, "-o", "digits.net", "--save-weights", "digits.safetensors")
    assert done.exit_code == 0 and done.stdout == "wrote digits.net\nwrote digits.safetensors\n", done.output
    return load_file("digits.safetensors")


def check_digits(weights: dict[str, torch.Tensor]) -> None:
    """Compare the spec with Keras's arithmetic, of images with the channels last."""
    own = {key.removeprefix("layers/"): torch.from_numpy(value) for key, value in random_weights().items()}
    model = netspec.torch_module(netspec.load("digits.net")).eval()
    model.load_state_dict({**model.state_dict(), **weights})
    pixels = torch.from_numpy(np.random.default_rng(0).random((2, 1, 28, 28), np.float32))
    y = torch.conv2d(pixels, own["conv2d/vars/0"].permute(3, 2, 0, 1), own["conv2d/vars/1"], padding=2)
    y = torch.nn.functional.max_pool2d(y.relu(), 2)
    y = torch.nn.functional.pad(y, (0, 1, 0, 1))  # 14 pixels and a stride of 2: (7 - 1) 2 + 3 = 15
    y = torch.conv2d(y, own["conv2d_1/vars/0"].permute(3, 2, 0, 1), stride=2)
    gamma, beta, mean, variance = (own[f"batch_normalization/vars/{place}"] for place in range(4))
    y = torch.nn.functional.batch_norm(y, mean, variance, gamma, beta, eps=1e-3).relu()
    y = y.permute(0, 2, 3, 1).flatten(1) @ own["dense/vars/0"] + own["dense/vars/1"]
    torch.testing.assert_close(model(pixels), y.softmax(1))


def test_spec_and_weights_of_an_archive() -> None:
    check_digits(saved("digits.keras"))


@pytest.mark.parametrize("file", ["digits.weights.h5", "digits.keras"])
def test_weights_beside_json(file: str) -> None:
    check_digits(saved("digits.json", "--weights", file))


@pytest.mark.parametrize(
    ("data", "reason"),
    [(None, "no.keras has no weights: it is a zip archive without model.weights.h5"),
     (b"none", "model.weights.h5 in no.keras is not HDF5")],
)  # fmt: skip
def test_archive_without_weights(data: bytes | None, reason: str) -> None:
    """Numbers that the file does not have are not written as zeros."""
    Path("no.keras").write_bytes(archive(DIGITS))
    if data is not None:
        with zipfile.ZipFile("no.keras", "a") as file:
            file.writestr("model.weights.h5", data)
    assert invoke("check", "no.keras").exit_code == 0
    done = invoke("import", "no.keras", "--save-weights", "no.safetensors")
    assert done.exit_code == 1 and f"error[keras-weights]: the weights cannot be read: {reason}" in done.stderr
    assert not Path("no.safetensors").exists()


def legacy(path: str, colon: str) -> None:
    """Write a whole model as HDF5: with the names of Keras 2 (``kernel:0``) or 3."""
    own = random_weights()
    names = {"conv1": ("conv2d", ["kernel", "bias"]), "conv2": ("conv2d_1", ["kernel"]),
             "scores": ("dense", ["kernel", "bias"]),
             "norm2": ("batch_normalization", ["gamma", "beta", "moving_mean", "moving_variance"])}  # fmt: skip
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({key: DIGITS[key] for key in ("class_name", "config")})
        file.attrs["keras_version"] = "3.9.0"
        file.attrs["training_config"] = json.dumps({"optimizer_config": DIGITS["compile_config"]["optimizer"]})
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [*names]
        for name, (word, variables) in names.items():
            group = weights.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{variable}{colon}" for variable in variables]
            for place, variable in enumerate(variables):
                group[f"{name}/{variable}{colon}"] = own[f"layers/{word}/vars/{place}"]


@pytest.mark.parametrize("colon", ["", ":0"])
def test_whole_model_in_hdf5(colon: str) -> None:
    legacy("digits.h5", colon)
    check_digits(saved("digits.h5"))
    assert "optimizer=sgd(lr=0.05, momentum=0.9, nesterov=yes)" in Path("digits.net").read_text("utf-8")


def test_numbers_in_other_files_are_not_read(tmp_path: Path) -> None:
    """HDF5 can name another file for numbers: a link, a part of a virtual dataset, or raw bytes."""
    own = {key: value for key, value in random_weights().items() if not key.startswith("layers/dense")}
    Path("a.json").write_text(json.dumps(DIGITS))
    kernel, bias = (784, 10), np.zeros(10, np.float32)
    with h5py.File("other.h5", "w") as file:
        file["bias"] = bias
    Path("raw").write_bytes(bytes(40))
    for word in ("link", "virtual", "raw"):
        Path(f"{word}.h5").write_bytes(hdf5(own | {"layers/dense/vars/0": np.zeros(kernel, np.float32)}))
        with h5py.File(f"{word}.h5", "a") as file:
            if word == "link":
                file["layers/dense/vars/1"] = h5py.ExternalLink("other.h5", "bias")
            elif word == "virtual":
                layout = h5py.VirtualLayout((10,), np.float32)
                layout[:] = h5py.VirtualSource("other.h5", "bias", (10,))
                file.create_virtual_dataset("layers/dense/vars/1", layout)
            else:
                file.create_dataset("layers/dense/vars/1", (10,), np.float32, external=[("raw", 0, 40)])
        done = invoke("import", "a.json", "--weights", f"{word}.h5", "--save-weights", "a.safetensors")
        assert done.exit_code == 1 and "= bias of scores is missing" in done.stderr, done.output


def test_damaged_weights() -> None:
    """Whatever bytes are wrong: of what names the numbers, or of the numbers, which are read last."""
    source = Source("m.json", json.dumps(sequential(image(7), layer("Dense", "d", units=3))))
    with h5py.File("whole.h5", "w") as file:
        file.create_dataset("layers/dense/vars/0", data=np.ones((7, 3), np.float32), chunks=(7, 3), compression="gzip")
        file["layers/dense/vars/1"] = np.ones(3, np.float32)
        chunk = file["layers/dense/vars/0"].id.get_chunk_info(0).byte_offset
    data = Path("whole.h5").read_bytes()
    problems = []
    for place in (chunk, *range(0, len(data), len(data) // 20)):
        path = Path(f"{place}.h5")
        path.write_bytes(data[:place] + bytes(255 - byte for byte in data[place : place + 8]) + data[place + 8 :])
        try:
            assert all(read().min() == 1 for read in import_keras(source, weights=path).arrays.values())
        except SpecError as error:
            problems += error.diagnostics
    assert {problem.code for problem in problems} == {"keras-weights"}
    assert problems[0].message.startswith("the weights cannot be read: /layers/dense/vars/0 is damaged: "), problems[0]


def test_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The layers of an archive and of JSON are read without it."""
    legacy("digits.h5", "")
    monkeypatch.setitem(sys.modules, "h5py", None)
    for name in ("digits.keras", "digits.json"):
        assert invoke("check", name).exit_code == 0
    for arguments in (("check", "digits.h5"), ("import", "digits.keras", "--save-weights", "a.safetensors")):
        done = invoke(*arguments)
        assert done.exit_code == 2
        assert f"{arguments[1]} needs h5py: pip install 'netspec-compiler[keras]'" in done.stderr, done.output


def test_mean_of_images_that_is_a_weight() -> None:
    model = sequential(image(8, 8, 3), layer("Normalization", "n"), layer("Conv2D", "c", filters=4, kernel_size=1))
    weights = {f"layers/normalization/vars/{place}": [1.0, 2.0, 4.0] for place in range(2)}
    Path("n.keras").write_bytes(archive(model, weights))
    done = invoke("import", "n.keras", "-o", "-")
    assert done.exit_code == 0 and not done.stderr, done.output
    assert "3x8x8  range=255  mean=1,2,4  std=1,1.41421356,2" in done.stdout
    Path("n.json").write_text(json.dumps(model))
    done = invoke("import", "n.json", "-o", "-")
    assert "n: its mean and variance, which the file does not have: 0 and 1" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("import", "digits.json", "--weights", "digits.weights.h5"), "--save-weights says where the weights are"),
        (("import", "digits.json", "--save-weights", "a.safetensors"),
         "the weights of a network of Keras are in another file: --weights FILE.weights.h5"),
        (("import", "digits.json", "--weights", "no.h5", "--save-weights", "a.safetensors"), "cannot open no.h5"),
        (("check", "no.keras"), "cannot open no.keras: No such file or directory"),
        (("fmt", "digits.keras"), "it is a model of Keras, which netspec import writes as a spec"),
        (("fmt", "digits.json"), "it is a model of Keras, which netspec import writes as a spec"),
    ],
)  # fmt: skip
def test_wrong_command_lines(arguments: tuple[str, ...], message: str) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 2 and message in done.stderr, done.output


@pytest.mark.parametrize(
    ("name", "message"),
    [("digits.weights.h5", "it has no attribute model_config: it is a file of weights alone"),
     ("other.h5", "it has no attribute model_config: it is HDF5 of another program"),
     ("text.h5", "text.h5 is not HDF5, or a part of it is missing")],
)  # fmt: skip
def test_hdf5_that_is_no_model(name: str, message: str) -> None:
    Path("text.h5").write_text("no")
    with h5py.File("other.h5", "w") as file:
        file.attrs["a"] = "b"
    done = invoke("check", name)
    assert done.exit_code == 1 and message in " ".join(done.stderr.split()), done.output


def test_folder_of_tensorflow() -> None:
    for name in ("saved", "saved.keras"):
        Path(name).mkdir()
        Path(name, "saved_model.pb").write_bytes(b"")
        done = invoke("check", name)
        assert done.exit_code == 2 and f"cannot open {name}: Is a directory; it is a SavedModel of" in done.stderr


def test_other_commands_read_the_model_directly() -> None:
    assert "digits: 9,242 parameters" in invoke("summary", "digits.keras").stdout
    done = invoke("diff", "digits.keras", "digits.json")
    assert done.exit_code == 0 and "differ" not in done.stdout
    assert invoke("check", "digits.keras", "--strict").exit_code == 1, "the noise in training is left out"
    Path("digits.keras").rename("digits.h5")
    assert invoke("check", "digits.h5").exit_code == 0, "a file is what its first bytes say"
    done = invoke("compile", "digits.h5", "--weights", "digits.h5", "-o", "a.onnx")
    assert done.exit_code == 1 and "netspec import digits.h5 --save-weights OUT.safetensors" in done.stderr
    assert netspec.loads(Path("digits.json").read_text("utf-8")).total.parameters == 9_242
    assert netspec.load("digits.h5").total.parameters == 25 * 8 + 8 + 9 * 8 * 16 + 2 * 16 + 784 * 10 + 10
