"""Published weights in a spec's network: predicting, drawing and exporting without training images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from processes import invoke
from safetensors.torch import load_file
from tiny_network import save_image
from torch import nn

SPEC = """\
net theirs
[image] input 3x12x12 mean=0.485,0.456,0.406 std=0.229,0.224,0.225
[conv1] conv filters=4 kernel=3 neuron=relu
[fc2] fc outputs=6
[prob] softmax
augment from=14
"""


@pytest.fixture
def theirs(tmp_path: Path) -> nn.Sequential:
    """The network in plain PyTorch. Its weights are in ``theirs.pth``, and its spec in ``theirs.net``."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 6), nn.Softmax(1))
    keys = {"0.weight": "conv1.weight", "0.bias": "conv1.bias", "3.weight": "fc2.weight", "3.bias": "fc2.bias"}
    torch.save({keys[key]: tensor for key, tensor in model.state_dict().items()}, tmp_path / "theirs.pth")
    (tmp_path / "theirs.net").write_text(SPEC)
    return model


def test_prediction_is_that_of_the_plain_pytorch_network(theirs: nn.Sequential, tmp_path: Path) -> None:
    """The input is the centre of 14x14 pixels from 0 to 1, minus each channel's mean, divided by its deviation."""
    image = save_image(tmp_path / "a.png", side=14)
    pixels = torch.from_numpy(np.asarray(Image.open(image)).copy()).permute(2, 0, 1).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((pixels - mean[:, None, None]) / std[:, None, None])[None, :, 1:13, 1:13]
    expected = theirs(x)[0].tolist()
    (tmp_path / "names.txt").write_text("\n".join("abcdef") + "\n\n", "utf-8-sig")
    command = ("predict", tmp_path / "theirs.net", image, "--weights", tmp_path / "theirs.pth", "--format", "json")
    for options, names in (((), "012345"), (("--classes", tmp_path / "names.txt"), "abcdef")):
        done = invoke(*command, *options)
        assert (done.exit_code, done.stderr) == (0, "")
        (one,) = json.loads(done.stdout)["images"]
        found = {guess["class"]: guess["probability"] for guess in one["classes"]}
        assert len(found) == 5
        assert found == {name: pytest.approx(expected[names.index(name)], rel=1e-4) for name in found}


@pytest.mark.usefixtures("theirs")
def test_the_colours_of_a_source_are_not_measured_for_an_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They change images in training alone, and measuring them would read thousands of images."""
    monkeypatch.setattr("netspec.train.tensors.published.training_statistics", lambda *_: pytest.fail("measured"))
    options = ("--weights", tmp_path / "theirs.pth", "--data", "synthetic", "--set", "augment.colour=pca(0.1)")
    done = invoke("eval", tmp_path / "theirs.net", *options, "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")


def test_weights_are_exported_and_drawn(theirs: nn.Sequential, tmp_path: Path) -> None:
    arguments = (tmp_path / "theirs.net", "--weights", tmp_path / "theirs.pth")
    assert invoke("export", *arguments, "-o", tmp_path / "theirs.safetensors").exit_code == 0
    assert torch.equal(load_file(tmp_path / "theirs.safetensors")["conv1.weight"], theirs.state_dict()["0.weight"])
    assert invoke("filters", *arguments, "-o", tmp_path / "conv1.png").exit_code == 0
    assert Image.open(tmp_path / "conv1.png").format == "PNG"


def test_run_predicts_with_other_weights_and_class_names(run: Path, tmp_path: Path) -> None:
    """The run's own weights, halved, and other names for its classes."""
    image = save_image(tmp_path / "a.png")
    invoke("export", run, "-o", tmp_path / "own.safetensors")
    halved = {key: tensor / 2 for key, tensor in load_file(tmp_path / "own.safetensors").items()}
    torch.save(halved, tmp_path / "halved.pt")
    (tmp_path / "names.txt").write_text("oak\nash\nelm\nfir\n")
    own, other = (
        invoke("predict", run, image, *options).stdout
        for options in ((), ("--weights", tmp_path / "halved.pt", "--classes", tmp_path / "names.txt"))
    )
    assert own != other and "elm" in other and "texture" not in other


@pytest.mark.usefixtures("theirs")
@pytest.mark.parametrize(
    ("options", "code", "error"),
    [
        (("--set", "image.std=channel"), 1, "measured on training images, and there are none"),
        (("--set", "image.std=channel", "--set", "image.range=255"), 1, "mean=123.675,116.28,103.53 std=58.395,57.12,"),
        (("--classes", "one.txt"), 1, "1 name for the 6 classes of theirs"),
        (("--classes", "gone.txt"), 2, "cannot read gone.txt: No such file"),
        (("--set", "fc2.outputs=7"), 1, "fc2.weight is 7x400 in the network and 6x400 in the file"),
    ],
)
def test_unsuitable_options_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], code: int, error: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.txt").write_text("oak\n")
    done = invoke("predict", "theirs.net", save_image(tmp_path / "a.png"), "--weights", "theirs.pth", *options)
    assert done.exit_code == code
    assert error in done.stderr


def test_spec_without_weights_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "THEIRS.NET").write_text(SPEC)
    done = invoke("predict", tmp_path / "THEIRS.NET", save_image(tmp_path / "a.png"))
    assert (done.exit_code, "is a spec, not a run" in done.stderr) == (1, True)
    done = invoke("predict", tmp_path / "run", save_image(tmp_path / "a.png"), "--set", "image.std=channel")
    assert (done.exit_code, "--dialect control how a spec is read" in done.stderr) == (2, True)


def test_weights_trained_on_another_pixel_range_are_rejected(run: Path, tmp_path: Path) -> None:
    spec, image = tmp_path / "tiny.net", save_image(tmp_path / "a.png")
    spec.write_text((run / "spec.net").read_text().replace("range=1 mean=image", "range=255"))
    rejected = invoke("predict", spec, image, "--weights", run)
    assert rejected.exit_code == 1
    assert "was trained on pixels from 0 to 1, and tiny reads them from 0 to 255" in rejected.stderr
    assert invoke("predict", spec, image, "--weights", run, "--set", "image.range=1").exit_code == 0


def test_scores_that_belong_to_no_pixels_are_rejected(tmp_path: Path) -> None:
    spec, weights = tmp_path / "maps.net", tmp_path / "maps.pth"
    spec.write_text("[image] input 3x8x8\n[up] deconv filters=2 kernel=2 stride=2\n")
    torch.save({"up.weight": torch.zeros(3, 2, 2, 2), "up.bias": torch.zeros(2)}, weights)
    for command in (("predict", spec, save_image(tmp_path / "a.png")), ("eval", spec, "--data", "synthetic")):
        done = invoke(*command, "--weights", weights)
        assert done.exit_code == 1
        message, note = done.stderr.splitlines()
        assert message.startswith("Error: the class scores are 0.5 pixels of the image apart")
        assert "2x16x16 scores for an image of 3x8x8" in note
