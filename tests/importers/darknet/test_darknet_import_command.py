"""``netspec import`` of networks of Darknet with their weights, and other commands."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from darknet_networks import section, weights
from processes import invoke
from safetensors.torch import load_file

import netspec
from netspec.explain import codes
from netspec.importers.darknet.options import ABSENT, ALIASES, NET, OPTIONS

SMALL = (
    "[net]\nheight=8\nwidth=8\nchannels=3\nbatch=16\nmax_batches=2\nlearning_rate=0.1\nmax_crop=8\n"
    + section("convolutional", filters=4, size=3, pad=1, batch_normalize=1, activation="leaky")
    + section("avgpool")
    + section("softmax")
)
COUNT = 4 * 4 + 4 * 3 * 9


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.cfg").write_text(SMALL)
    Path("small.weights").write_bytes(weights(COUNT))


def test_spec_and_weights() -> None:
    done = invoke("import", "small.cfg", "--weights", "small.weights", "--save-weights", "small.safetensors")
    assert done.exit_code == 0 and done.stdout == "wrote small.net\nwrote small.safetensors\n", done.output
    saved = load_file("small.safetensors")
    assert saved["conv0.weight"].shape == (4, 3, 3, 3)
    model = netspec.torch_module(netspec.load("small.net")).eval()
    model.load_state_dict({**model.state_dict(), **saved})
    image = torch.from_numpy(np.random.default_rng(0).random((1, 3, 8, 8), np.float32))
    y = torch.nn.functional.conv2d(image, saved["conv0.weight"], padding=1)
    y = torch.nn.functional.batch_norm(
        y, saved["batchnorm0.running_mean"], saved["batchnorm0.running_var"], saved["batchnorm0.weight"],
        saved["batchnorm0.bias"],
    )  # fmt: skip
    expected = torch.softmax(torch.nn.functional.leaky_relu(y, 0.1).mean((2, 3)), 1)
    torch.testing.assert_close(model(image), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("import", "small.cfg", "--weights", "small.weights"), "--save-weights says where the weights are written"),
        (("import", "small.cfg", "--save-weights", "a.safetensors"),
         "the weights of a network of Darknet are in another file: --weights FILE.weights"),
        (("import", "small.cfg", "--params", "solver"), "there is no layer file (.cfg) or network of Caffe"),
        (("summary", "small.cfg", "--params", "solver"), "there is no layer file (.cfg) or network of Caffe"),
        (("fmt", "small.cfg"), "it is a network of Darknet, which netspec import writes as a spec"),
        (("import", "small.cfg", "--weights", "none.weights", "--save-weights", "a.safetensors"),
         "cannot open none.weights: No such file or directory"),
    ],
)  # fmt: skip
def test_wrong_command_lines(arguments: tuple[str, ...], message: str) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 2 and message in done.stderr, done.output


def test_other_files_have_no_weights_of_darknet() -> None:
    Path("layers.cfg").write_text("[data]\ntype=data\ndataIdx=0\n")
    done = invoke("import", "layers.cfg", "--weights", "small.weights", "--save-weights", "a.safetensors")
    assert "--weights small.weights is for a network of Caffe (.prototxt) or Darknet (.cfg)" in done.stderr


def test_wrong_weights_write_nothing() -> None:
    Path("small.weights").write_bytes(weights(COUNT + 1))
    done = invoke("import", "small.cfg", "--weights", "small.weights", "--save-weights", "small.safetensors")
    assert done.exit_code == 1 and "small.weights has 125 numbers, more than the 124 of the network" in done.stderr
    assert not Path("small.net").exists() and not Path("small.safetensors").exists()


@pytest.mark.parametrize("command", ["check", "summary", "plan", "draw", "compile", "diff"])
def test_every_command_reads_the_file(command: str) -> None:
    more = {"draw": ("-o", "a.svg"), "compile": ("-o", "a.py"), "diff": ("small.cfg",)}.get(command, ())
    done = invoke(command, "small.cfg", *more)
    assert done.exit_code == 0, done.output


def test_standard_input() -> None:
    done = invoke("import", "-", "-o", "-", text=SMALL)
    assert done.exit_code == 0 and "[conv0] conv filters=4 kernel=3 pad=1" in " ".join(done.stdout.split())


def test_page_of_other_tools_has_the_words_of_the_sections_that_are_read() -> None:
    """What `netspec explain foreign-file` names is read, and what is read and has a word of its own there is named."""
    rows = [row.split("|") for row in codes.page("foreign-file").splitlines() if row.startswith("| ")]
    named = {word for row in rows for word in re.findall(r"\[([a-z_]+)\]", row[5])}
    assert named <= {*OPTIONS, *ABSENT, *ALIASES}
    assert {*OPTIONS} - named <= {NET, "crop", "cost", "empty", "activation", "logistic", "local_avgpool"}
