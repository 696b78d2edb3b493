"""``netspec import`` of ONNX models, and other commands that read them directly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from processes import netspec

from netspec import load

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")

SPEC = (
    "net small\n\n[image] input 1x8x8\n[conv1] conv filters=4 kernel=3 neuron=relu\n[norm1] batchnorm\n"
    "[pool1] maxpool kernel=2\n[train] fc outputs=3\n[prob] softmax\n"
)
"""``train`` is an attribute of PyTorch's modules, so its weights have another name in files."""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "small.net").write_text(SPEC)
    done = netspec("compile", tmp_path / "small.net", "--to", "onnx", "-o", tmp_path / "model.onnx", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    return tmp_path


def test_model_becomes_a_spec(files: Path) -> None:
    done = netspec("import", files / "model.onnx", "-o", files / "model.net")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"wrote {files / 'model.net'}\n", "")
    text = (files / "model.net").read_text()
    assert text.startswith("# Imported from model.onnx, written by netspec ") and "-> 4x6x6" in text
    assert netspec("check", "--strict", files / "model.net").returncode == 0
    assert netspec("diff", "-q", files / "model.onnx", files / "model.net").returncode == 0
    printed = netspec("import", files / "model.onnx", "-q", "-o", "-")
    assert printed.stdout == text


def test_diff_with_a_model_whose_normalisations_were_merged(files: Path) -> None:
    (files / "merged.net").write_text(SPEC.replace("[norm1] batchnorm\n", ""))
    assert netspec("compile", files / "merged.net", "-q", "-o", files / "merged.onnx").returncode == 0
    done = netspec("diff", files / "small.net", files / "merged.onnx")
    assert done.returncode == 0
    assert done.stderr.startswith(f"{files / 'merged.onnx'} has no batch normalisations: many exporters merge them")
    for a, b in (("small.net", "model.onnx"), ("small.net", "merged.net"), ("merged.onnx", "merged.net")):
        assert netspec("diff", files / a, files / b).stderr == ""


def test_weights_are_written_under_the_names_of_the_spec(files: Path) -> None:
    weights = files / "model.safetensors"
    done = netspec("import", files / "model.onnx", "-o", files / "model.net", "--save-weights", weights)
    assert done.stdout == f"wrote {files / 'model.net'}\nwrote {weights}\n"
    (files / "again").mkdir()
    again = files / "again" / "model.onnx"
    done = netspec("compile", files / "model.net", "--to", "onnx", "-o", again, "--weights", weights, "-q")
    assert (done.returncode, done.stderr) == (0, "")
    written = netspec("import", again, "-q", "-o", "-", "--save-weights", files / "again" / "model.safetensors")
    assert written.returncode == 0
    assert (files / "again" / "model.safetensors").read_bytes() == weights.read_bytes()
    assert (
        netspec("import", files / "model.onnx", "-qo", files / "model.net", "--save-weights", weights).returncode == 0
    )


def test_files_of_others_stay(files: Path) -> None:
    for name in ("other.net", "other.safetensors"):
        (files / name).write_text("mine")
    for arguments in (("-o", files / "other.net"), ("-o", "-", "--save-weights", files / "other.safetensors")):
        done = netspec("import", files / "model.onnx", *arguments)
        assert done.returncode == 2 and "stays as it is" in done.stderr and done.stdout == ""
    assert {(files / name).read_text() for name in ("other.net", "other.safetensors")} == {"mine"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("small.net", "--save-weights", "w.safetensors"), "--save-weights writes the weights of an ONNX model"),
        (("model.onnx", "--save-weights", "w.pth"), "the file's name must end with .safetensors"),
        (("model.onnx", "--set", "conv1.filters=5", "--save-weights", "w.safetensors"), "do not fit the changed spec"),
        (
            ("model.onnx", "--params", "p.cfg"),
            "there is no layer file (.cfg) or network of Caffe (.prototxt) that --params",
        ),
        (("missing.onnx",), "cannot open"),
    ],
)
def test_wrong_options(files: Path, arguments: tuple[str, ...], message: str) -> None:
    first, *rest = arguments
    done = netspec("import", files / first, *(files / word if word.startswith("w.") else word for word in rest))
    assert done.returncode == 2 and message in done.stderr


def test_changes_and_sizes_are_written_into_the_spec(files: Path) -> None:
    done = netspec("import", files / "model.onnx", "-q", "--set", "conv1.neuron=tanh", "-o", files / "model.net")
    assert (done.returncode, done.stderr) == (0, "")
    assert "neuron=tanh" in (files / "model.net").read_text()
    wrong = netspec("import", files / "model.onnx", "-q", "--input", "1x12x12", "-o", "-")
    assert wrong.returncode == 1 and wrong.stderr.startswith("error[onnx-shapes]: the shapes at Gemm train do not fit")


@pytest.mark.parametrize(
    "command",
    [("check",), ("summary", "-q"), ("plan",), ("draw", "-o", "-"), ("compile", "-o", "-"), ("diff", "-q")],
    ids=lambda words: words[0],
)
def test_commands_read_models_directly(files: Path, command: tuple[str, ...]) -> None:
    word, *options = command
    other = [files / "model.onnx"] if word == "diff" else []
    done = netspec(word, files / "model.onnx", *other, *options)
    assert (done.returncode, done.stderr) == (0, "")


def test_diff_of_a_spec_and_its_model(files: Path) -> None:
    done = netspec("diff", files / "small.net", files / "model.onnx", "--format", "json")
    difference = json.loads(done.stdout)
    assert difference["function"] == "same" and difference["layers"] == []
    changed = netspec("diff", files / "small.net", files / "model.onnx", "--exit-code", "--set", "conv1.stride=2")
    assert changed.returncode == 1 and "error" in changed.stderr  # 8 - 3 is odd, in both


def test_diagnostics_name_the_model_and_the_node(files: Path) -> None:
    done = netspec("check", files / "model.onnx", "--set", "pool1.stride=5")
    assert done.returncode == 1
    assert done.stderr.startswith("error[window-does-not-tile]: pool1's window does not tile its input\n")
    assert f"--> {files / 'model.onnx'}:" in done.stderr
    assert "the line is that of the imported spec, for the model's MaxPool pool1" in done.stderr
    fixed = netspec("check", "--fix", files / "model.onnx")
    assert fixed.returncode == 0


def test_models_are_not_formatted(files: Path) -> None:
    before = (files / "model.onnx").read_bytes()
    done = netspec("fmt", files / "model.onnx")
    assert done.returncode == 2 and "which netspec import writes as a spec" in done.stderr
    assert (files / "model.onnx").read_bytes() == before


def test_python_interface_reads_models(files: Path) -> None:
    net = load(files / "model.onnx")
    assert list(net.layers) == ["image", "conv1", "norm1", "pool1", "train", "prob"]
    with pytest.raises(ValueError, match="needs a layer file"):
        load(files / "model.onnx", params=files / "small.net")


def test_diff_leaves_out_what_a_model_does_not_state(files: Path) -> None:
    """The spec states training, testing, and GPU groups, of which the model only has grouped convolutions."""
    settings = (
        "gpus 2\ndefault fc init=gaussian(0.3) reads=all\ntrain epochs=3\naugment flip=horizontal\ntest views=10\n"
    )
    spec, model = files / "two.net", files / "two.onnx"
    spec.write_text(
        SPEC.replace("small\n", f"two\n{settings}")
        .replace("outputs=3", "outputs=4")
        .replace("[train]", "[drop] dropout\n[train]")
    )
    netspec("compile", spec, "--to", "onnx", "-o", model, "-q")
    done = netspec("diff", spec, model, "--exit-code")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            f"{spec} and {model}: the same network",
            "not compared, because one of the files does not state it: training, testing, placement on GPUs",
        ],
    )
    data = netspec("diff", spec, model, "--format", "json").stdout
    assert json.loads(data)["not_compared"] == ["training", "testing", "placement"]


def test_diff_compares_preparation_only_with_models_of_netspec(files: Path) -> None:
    (files / "mean.net").write_text(SPEC.replace("1x8x8", "1x8x8 mean=channel"))
    ours = netspec("diff", files / "mean.net", files / "model.onnx").stdout
    assert "image  mean: channel -> none  function" in ours
    model = onnx.load(files / "model.onnx")
    model.producer_name = "pytorch"
    onnx.save(model, files / "theirs.onnx")
    for pair in (("mean.net", "theirs.onnx"), ("theirs.onnx", "mean.net")):
        done = netspec("diff", *(files / name for name in pair))
        assert ": the same network\n" in done.stdout and "state it: preparation of images, training" in done.stdout
