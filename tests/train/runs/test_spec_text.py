"""The text of the spec in a run's folder: the spec's own, with the changes of the command line in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from processes import invoke
from reporters import InterruptAt
from run_folders import newest_checkpoint

from netspec.net import load, loads
from netspec.train.config import Request
from netspec.train.run import train as run_train

SPEC = """\
# A network of two layers.
net     two

[image]  input    3x8x8
# he, not torch
[conv]   conv     filters=4  kernel=3  init=he  -> 4x6x6
[fc]     fc       outputs=4                     -> 4

train    epochs=1  batch=64  optimizer=sgd(lr=0.01)
"""

OPTIONS = ("--data", "synthetic", "--threads", "1", "--quiet", "--out", "run")


@pytest.fixture(autouse=True)
def _in_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("two.net").write_text(SPEC)


def train(*arguments: str) -> None:
    done = invoke("train", *arguments)
    assert done.exit_code == 0, done.output


def kept_words() -> str:
    """The text of the run's spec, which is also that of its newest checkpoint, without its layout."""
    text = Path("run/spec.net").read_text()
    assert newest_checkpoint(Path("run"))["spec"] == text
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def test_changes_are_written_into_the_text_and_the_run_can_be_resumed() -> None:
    command = ("two.net", "--set", "conv.filters=6", "--set", "train.batch=32", *OPTIONS)
    train(*command, "--steps", "2")
    right = """\
# A network of two layers.
net two

[image] input 3x8x8
# he, not torch
[conv] conv filters=6 kernel=3 init=he
[fc] fc outputs=4 -> 4

train epochs=1 batch=32 optimizer=sgd(lr=0.01)"""
    assert kept_words() == right
    train("--resume", "run", "--steps", "3")
    train(*command[:5], "--resume", "run", "--steps", "4")
    assert kept_words() == right and newest_checkpoint(Path("run"))["step"] == 4


def test_run_whose_text_is_written_otherwise_is_continued() -> None:
    """Such as a run of a version that wrote changed specs without their comments."""
    changes = ("conv.filters=6",)
    net = load("two.net", changes=changes)
    assert net.source.text != net.kept_text and "#" not in net.source.text
    request = Request("synthetic", out=Path("run"), threads=1)
    assert run_train(replace(net, texts=None), "two", request, InterruptAt(3)).state == "interrupted"
    train("two.net", "--set", "conv.filters=6", *OPTIONS)
    assert Path("run/spec.net").read_text() == net.source.text and newest_checkpoint(Path("run"))["step"] == 16


def test_variant_is_written_out_whole() -> None:
    Path("more.net").write_text("net more  from=two.net\n[conv] filters=5  # more\n")
    text = load("more.net", changes=("fc.bias=1",)).kept_text
    assert "from=" not in text and "filters=5" in text and "bias=1" in text
    assert loads(text).total == load("more.net", changes=("fc.bias=1",)).total


def test_change_that_needs_another_input_is_kept_too() -> None:
    """With 3x8x8, the kernel would be larger than the image."""
    from netspec.ir.shape import Shape

    net = load("two.net", Shape(3, 16, 16), ("conv.kernel=11",))
    assert loads(net.kept_text, input_shape=Shape(3, 16, 16)).total == net.total
