"""``netspec time``: what is printed, its JSON, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from places import SPECS

from netspec.cli import main
from netspec.ir.settings import Precision
from netspec.net import load, loads
from netspec.passes.fast import im2col
from netspec.timing import machine, measure, worth
from netspec.timing.handwritten import PEERS
from netspec.timing.machine import Machine
from netspec.timing.question import OURS, Question
from netspec.timing.separate_process import Run, in_separate_process
from netspec.timing.step import step_of
from netspec.timing.work import RULE

DIGITS = str(SPECS / "digits.net")
QUICK = ("--rounds", "1", "--batch", "4", "--device", "cpu")


@pytest.fixture(scope="module")
def measured_once() -> Callable[[str, Precision], Machine]:
    return cache(machine.measure)


@pytest.fixture(autouse=True)
def _one_machine(monkeypatch: pytest.MonkeyPatch, measured_once: Callable[[str, Precision], Machine]) -> None:
    """What the machine can do takes seconds to find out, and is the same for all of these tests."""
    monkeypatch.setattr(measure, "measure_machine", measured_once)


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["time", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def data(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--format", "json")
    assert (done.exit_code, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_table_has_every_layer_of_a_training_step() -> None:
    done = run(DIGITS, *QUICK)
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("digits, batch 4, fp32, CPU, ")
    assert lines[1].startswith("training ") and "images/s" in lines[1] and "inference" in lines[1]
    names = [line.split()[0] for line in lines[4:] if line.strip()]
    layers = ["conv1", "conv2", "pool2", "conv3", "pool3", "fc4", "drop4", "fc5", "(loss)", "(update)", "total"]
    assert names[: len(layers)] == layers  # the softmax of the end is not computed in training
    quiet = run(DIGITS, *QUICK, "--quiet").stdout
    assert "medians of" in quiet and all(rule in done.stdout and rule not in quiet for rule in RULE)


def test_json_has_seconds_bytes_and_flops() -> None:
    found = data(DIGITS, *QUICK)
    assert found["told"] == []
    assert (found["net"], found["device"], found["batch"], found["precision"]) == ("digits", "cpu", 4, "fp32")
    assert found["training"]["images_per_s"] == pytest.approx(4 / found["training"]["step_s"])
    assert found["machine"]["bytes_per_s"] > 0 and found["machine"]["flops_per_s"] > 0
    layers = {row["name"]: row for row in found["layers"]}
    assert sum(row["share"] for row in found["layers"]) == pytest.approx(1)
    assert all(row["forward_s"] > 0 for row in found["layers"])
    assert all(layers[name]["backward_s"] > 0 and layers[name]["floor_s"] > 0 for name in ("conv1", "fc5"))
    # 16 kernels of 3x3 on 8x8 pixels of one map: 9,216 connections, a bias and a ReLU a unit, forward and backward.
    assert layers["conv1"]["flops"] == 4 * 2 * (2 * 9216 + 2 * 1024)
    assert "handwritten" not in found


@pytest.mark.ci  # seconds
def test_bf16_is_timed_where_it_is_asked_for() -> None:
    assert data(DIGITS, *QUICK, "--precision", "bf16")["precision"] == "bf16"


def test_batch_normalisation_branches_and_losses_are_timed() -> None:
    text = (
        "[image] input 2x8x8\n[a] conv filters=4 kernel=3 pad=1\n[n] batchnorm\n[b] conv filters=4 kernel=1 inputs=n\n"
        "[s] sum inputs=n,b\n[f] fc outputs=3\n[cost] crossentropy\n"
    )
    done = CliRunner().invoke(main, ["time", "-", *QUICK, "--format", "json"], input=text)
    assert done.exit_code == 0, done.output
    assert [row["name"] for row in json.loads(done.stdout)["layers"]] == [
        "a", "n", "b", "s", "f", "cost", ":loss", ":update"
    ]  # fmt: skip


def test_a_network_that_nobody_wrote_by_hand_is_said_to_be_one() -> None:
    done = run(DIGITS, *QUICK, "--compare", "handwritten")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no hand-written network that does what digits does" in done.stderr
    assert "alexnet.net, alexnet-one-gpu.net, alexnet-torchvision.net" in done.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_a_device_that_is_not_there_is_refused() -> None:
    done = run(DIGITS, "--device", "cuda")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no CUDA device here" in done.stderr


def test_what_cannot_be_trained_is_not_timed() -> None:
    done = CliRunner().invoke(main, ["time", "-"], input="[image] input 3x8x8\n[pool] maxpool kernel=2 stride=2\n")
    assert done.exit_code == 1 and "no weights" in done.stderr


def test_a_pass_is_timed_where_it_does_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worth, "PASSES", (im2col.PASS,))
    graph = loads("[image] input 1x9x9\n[c] conv filters=4 kernel=3\n[f] fc outputs=2\n").graph
    cases: list[tuple[int, Precision, bool]] = [(297, "fp32", False), (298, "fp32", True), (298, "bf16", False)]
    for batch, precision, timed in cases:
        (found,) = worth.worths(graph, Question("cpu", batch, precision, 1))
        assert (found.seconds is not None) == timed
        passes = step_of(graph, "cpu", batch, precision, ("im2col",)).objective.forms.passes
        assert passes == (("im2col",) if timed else ())


@pytest.mark.parametrize("options", [(), ("--passes",)])
def test_a_batch_that_does_not_fit_into_memory_is_told(options: tuple[str, ...]) -> None:
    """2^20 images of 8192 x 8192 would be 256 TiB, more than a process can address."""
    text = "[image] input 1x8192x8192\n[conv] conv filters=2 kernel=8 stride=8\n[fc] fc outputs=2\n"
    done = CliRunner().invoke(main, ["time", "-", "--batch", str(2**20), "--device", "cpu", *options], input=text)
    assert done.exit_code == 1, done.exception
    assert done.stderr.startswith("Error: out of memory: ") and "fewer images at a time need less" in done.stderr


@pytest.mark.ci  # a process that imports torch
def test_what_fails_in_a_process_of_its_own_is_said_here() -> None:
    with in_separate_process(failing) as run, pytest.raises(RuntimeError, match="ValueError: no room"):
        run()


def failing() -> Run:
    raise ValueError("no room")


def test_a_mode_that_cannot_be_compiled_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise RuntimeError("backend='inductor' raised:\nno compiler\nmore of it")

    def handwritten_steps(*asked: object) -> tuple[Callable[[], None], Callable[[], None]]:
        return (fails, fails) if asked[-1] == "compiled" else (lambda: None, lambda: None)

    monkeypatch.setattr(measure, "modes", lambda device: ("eager", "compiled", "max-autotune"))
    monkeypatch.setattr(measure, "handwritten_steps", handwritten_steps)
    graph, told = load(SPECS / "digits.net").graph, list[str]()
    asked = Question("cpu", 4, "fp32", 1)
    step = step_of(graph, "cpu", 4, "fp32", ())
    found = measure._here(step, graph, asked, PEERS[0], told.append)
    assert [list(turns) for turns in found] == 2 * [[OURS, "eager", "max-autotune"]]
    assert told == [
        "written by hand, compiled: left out, since torch.compile fails here: "
        "RuntimeError backend='inductor' raised: no compiler"
    ]


def test_a_wrong_spec_is_told() -> None:
    assert run(str(SPECS / "mistakes" / "224-exact.net")).exit_code == 1


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(["--without", "kept-memory"], marks=pytest.mark.ci, id="in one process"),  # two AlexNets
        pytest.param([], marks=pytest.mark.slow, id="in processes of their own"),  # four that each make an AlexNet
    ],
)
def test_beside_the_network_written_by_hand(more: list[str]) -> None:
    found = data(str(SPECS / "alexnet.net"), "--rounds", "1", "--batch", "1", "--device", "cpu", "--compare",
                 "handwritten", *more)  # fmt: skip
    assert [mode["mode"] for mode in found["handwritten"]] == ["eager"]
    ours, theirs = found["training"]["step_s"], found["handwritten"][0]["training"]["step_s"]
    assert found["times_handwritten"]["training"] == pytest.approx(theirs / ours)
