"""``netspec compile --to onnx``: the command, its weights, and what it refuses."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from places import ROOT
from processes import invoke, python
from processes import netspec as process
from rich.console import Console

import netspec
from netspec.train.config import Request
from netspec.train.reporting.console import Reporter
from netspec.train.run import train
from netspec.train.runs.saved import open_run

MISSING = "the extras onnx and peers are not installed: pip install 'netspec-compiler[onnx,peers]'"
onnx = pytest.importorskip("onnx", reason=MISSING)
onnxruntime = pytest.importorskip("onnxruntime", reason=MISSING)

DIGITS = ROOT / "specs" / "digits.net"

SPEC = """net tiny
gpus 2
default conv init=he
[image] input 3x12x12 range=1 mean=image order=bgr
[conv1] conv filters=8 kernel=5 pad=2 neuron=relu
[pool1] maxpool kernel=3 stride=2 rounding=up
[float] conv filters=8 kernel=3 pad=1 bias=none
[norm2] batchnorm neuron=relu
[n3] lrn size=4 k=1 alpha=0.1 beta=0.5
[fc4] fc outputs=4 init=he reads=all gpu=0
[prob] softmax
train epochs=1 batch=32 optimizer=sgd(lr=0.02, momentum=0.9)
augment crop=12 from=15
"""


def run(*arguments: str | Path, text: str | None = None) -> Result:
    return invoke("compile", "--to", "onnx", *arguments, text=text)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the spec above."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    request = Request("synthetic", steps=4, seed=0, threads=1, out=out)
    return train(netspec.loads(SPEC), "tiny", request, Reporter(Console(quiet=True))).folder


def metadata(path: Path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def outputs(path: Path, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, {session.get_inputs()[0].name: images})
    return np.asarray(found)


def test_onnx_file_is_named_after_the_spec(folder: Path) -> None:
    done = run(DIGITS)
    message = "wrote digits.onnx: untrained, its weights drawn from seed 0; --weights takes those of a run\n"
    assert (done.exit_code, done.stdout, done.stderr) == (0, message, "")
    assert [path.name for path in folder.iterdir()] == ["digits.onnx"]
    assert (folder / "digits.onnx").read_bytes() == netspec.compile(netspec.load(DIGITS), to="onnx")
    onnx.checker.check_model(str(folder / "digits.onnx"), full_check=True)


def test_dash_writes_onnx_to_standard_output(folder: Path) -> None:
    done = run(DIGITS, "-o", "-")
    assert done.exit_code == 0
    assert done.stdout_bytes == netspec.compile(netspec.load(DIGITS), to="onnx")
    assert list(folder.iterdir()) == []


@pytest.mark.ci
def test_torch_is_not_needed_without_a_run(folder: Path) -> None:
    done = process("compile", DIGITS, "--to", "onnx", "-o", folder / "digits.onnx", blocked=("torch",))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.ci
def test_missing_onnx_is_reported_with_the_pip_command(folder: Path) -> None:
    program = "import sys; sys.modules['onnx'] = None; from netspec.cli import main; main(sys.argv[1:])"
    done = python("-c", program, "compile", DIGITS, "--to", "onnx", "-o", folder / "digits.onnx")
    assert done.returncode == 2
    assert done.stderr == "Error: --to onnx needs onnx: pip install 'netspec-compiler[onnx]'\n"
    assert list(folder.iterdir()) == []


def test_seed_determines_the_initial_values(folder: Path) -> None:
    for seed in (0, 1):
        assert run(DIGITS, "--seed", str(seed), "-o", f"{seed}.onnx").exit_code == 0
        model = netspec.torch_module(netspec.load(DIGITS), seed=seed).eval()
        images = np.random.default_rng(0).normal(size=(4, 1, 8, 8)).astype(np.float32)
        with torch.no_grad():
            expected = model(torch.from_numpy(images)).numpy()
        np.testing.assert_allclose(outputs(folder / f"{seed}.onnx", images), expected, atol=1e-6)
        assert metadata(folder / f"{seed}.onnx")["seed"] == str(seed)
    assert (folder / "0.onnx").read_bytes() != (folder / "1.onnx").read_bytes()


def test_only_own_onnx_file_is_overwritten(folder: Path) -> None:
    path = folder / "digits.onnx"
    assert run(DIGITS).exit_code == 0
    assert run(DIGITS, "--seed", "1").exit_code == 0
    assert metadata(path)["seed"] == "1"
    model = onnx.load(path)
    model.producer_name = "another"
    for content in (b"", b"\x08\x08\x12", b"mine", model.SerializeToString()):
        path.write_bytes(content)
        done = run(DIGITS)
        assert done.exit_code == 2
        assert (
            done.stderr == "Error: digits.onnx was not written by netspec and stays as it is; -o names another file\n"
        )
        assert path.read_bytes() == content


def test_failed_onnx_write_leaves_no_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    done = run(DIGITS)
    assert (done.exit_code, done.stderr) == (2, "Error: cannot write digits.onnx: No space left on device\n")
    assert list(folder.iterdir()) == []


def test_random_noise_gives_a_warning(folder: Path) -> None:
    Path("base.net").write_text(
        "net base\n[x] input 4\n[a] fc outputs=4 neuron=nrelu\n[b] nrelu std=0.5\n[c] fc outputs=2\n"
    )
    done = run("base.net", "-q")
    assert done.exit_code == 0
    assert done.stderr.count("warning[random-in-onnx]: ") == 2
    assert "a draws its noise anew" in done.stderr and "b draws its noise anew" in done.stderr
    Path("variant.net").write_text("net variant from=base.net\n[a] neuron=relu\n")
    done = run("variant.net", "-q")
    assert (done.exit_code, done.stderr.count("warning[random-in-onnx]: b draws")) == (0, 1)


def test_network_beyond_2_gb_is_refused_before_drawing_weights(folder: Path) -> None:
    done = run("-", text="net large\n[x] input 64x128x128\n[fc] fc outputs=1000")
    assert done.exit_code == 1
    assert "error[too-large-for-onnx]: large is too large for an ONNX file" in done.stderr
    assert "1,048,577,000 parameters x 4 bytes = 4.2 GB" in done.stderr
    assert list(folder.iterdir()) == []


def test_run_provides_weights_classes_and_mean_image(trained: Path, folder: Path) -> None:
    done = run(trained / "spec.net", "--weights", trained, "-o", "tiny.onnx")
    assert (done.exit_code, done.stderr) == (0, "")
    saved = open_run(trained, pytest.fail)
    images = np.random.default_rng(0).normal(size=(3, 3, 12, 12)).astype(np.float32)
    with torch.no_grad():
        expected = saved.objective("cpu").module(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(outputs(folder / "tiny.onnx", images), expected, atol=1e-6)

    saved_metadata = metadata(folder / "tiny.onnx")
    assert "seed" not in saved_metadata
    assert (saved_metadata["step"], saved_metadata["spec_sha256"]) == ("4", saved.spec_sha256)
    assert json.loads(saved_metadata["classes"]) == list(saved.classes)
    mean = np.frombuffer(base64.b64decode(saved_metadata["input.mean_image"]), "<f4").reshape(3, 12, 12)
    full_mean = saved.state["preparation"]["mean"].numpy()
    assert full_mean.shape == (3, 15, 15)
    assert np.array_equal(mean, full_mean[::-1, 1:13, 1:13])


def test_weights_are_read_from_a_safetensors_file(trained: Path, folder: Path) -> None:
    assert invoke("export", trained, "-o", "w.safetensors", "--layout", "groups").exit_code == 0
    assert run(trained / "spec.net", "--weights", "w.safetensors", "-o", "a.onnx").exit_code == 0
    assert run(trained / "spec.net", "--weights", trained, "-o", "b.onnx").exit_code == 0
    one, other = (onnx.load(folder / name) for name in ("a.onnx", "b.onnx"))
    assert one.graph == other.graph
    assert "input.mean_image" not in metadata(folder / "a.onnx")


@pytest.mark.ci
def test_channel_means_are_written_as_numbers(folder: Path) -> None:
    spec = "net c\n[image] input 3x8x8 mean=channel std=channel\n[fc] fc outputs=4\n[prob] softmax\ntrain batch=32"
    (folder / "c.net").write_text(spec)
    training = invoke(
        "train", "c.net", "--data", "synthetic", "--steps", "1", "--threads", "1", "--quiet", "--out", "r"
    )
    assert training.exit_code == 0, training.output
    assert run("c.net", "--weights", "r").exit_code == 0
    moments, saved_metadata = open_run(folder / "r", pytest.fail).state["preparation"], metadata(folder / "c.onnx")
    for key in ("mean", "std"):
        assert json.loads(saved_metadata[f"input.{key}_values"]) == moments[key].flatten().tolist()
        assert moments[key].shape == (3, 1, 1) and moments[key].min() > 0


def test_weights_that_do_not_fit_are_named(trained: Path, folder: Path) -> None:
    done = run(trained / "spec.net", "--set", "fc4.outputs=5", "--weights", trained)
    assert done.exit_code == 1
    assert "fc4.weight is 5x288 in the network and 4x288 in the file" in done.stderr
    assert run(DIGITS, "--weights", "nowhere").exit_code == 2
    assert list(folder.iterdir()) == []


def test_losses_option_adds_the_losses_as_outputs(folder: Path) -> None:
    (folder / "net.net").write_text("[x] input 3\n[fc1] fc outputs=2 init=constant(0) bias=1\n[cost] crossentropy")
    assert run("net.net").exit_code == 0
    assert [value.name for value in onnx.load("net.onnx").graph.input] == ["x"]
    assert run("net.net", "--losses").exit_code == 0
    session = onnxruntime.InferenceSession("net.onnx")
    (cost,) = session.run(None, {"x": np.ones((4, 3), np.float32), "labels": np.array([0, 1, 1, 0])})
    assert cost.shape == () and cost == pytest.approx(np.log(2))


def test_losses_of_maps_that_belong_to_no_pixels(folder: Path) -> None:
    """The input is a vector, so labels are those of the scores; of losses that read other maps there are none."""
    maps = "[x] input 3\n[fc1] fc outputs=32 init=constant(0)\n[maps] reshape size=2x4x4\n"
    (folder / "net.net").write_text(f"{maps}[cost] crossentropy")
    assert run("net.net", "--losses").exit_code == 0
    session = onnxruntime.InferenceSession("net.onnx")
    (cost,) = session.run(None, {"x": np.ones((2, 3), np.float32), "labels": np.ones((2, 4, 4), np.int64)})
    assert cost == pytest.approx(np.log(2))
    (folder / "two.net").write_text(
        f"{maps}[aux] crossentropy\n[half] maxpool kernel=2 inputs=maps\n[cost] crossentropy"
    )
    done = run("two.net", "--losses")
    assert done.exit_code == 1
    assert "error[classes-differ]: losses read maps of different sizes, which have no common labels" in done.stderr


def test_options_without_effect_are_usage_errors() -> None:
    done = run(DIGITS, "--weights", "x", "--seed", "1")
    assert (done.exit_code, done.stderr) == (
        2,
        "Error: --seed has no effect with --weights: no initial values are drawn\n",
    )
    done = invoke("compile", DIGITS, "--seed", "1")
    assert (done.exit_code, done.stderr) == (2, "Error: --to python takes no --seed; --to onnx does\n")
