"""``netspec time``: its table, its JSON, and what it rejects."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
import warm
from click.testing import Result
from places import SPECS
from processes import invoke
from torch import nn

from netspec.ir.settings import Precision
from netspec.net import load, loads
from netspec.passes.fast import im2col, lrn_chain
from netspec.timing import gains, handwritten, measure
from netspec.timing.handwritten import PEERS, Peer
from netspec.timing.machine import Machine
from netspec.timing.separate_process import Run, in_separate_process
from netspec.timing.settings import OURS, TimingSettings
from netspec.timing.step import step_of
from netspec.timing.work import RULE

DIGITS = str(SPECS / "digits.net")
QUICK = ("--rounds", "1", "--batch", "4", "--device", "cpu")


@pytest.fixture(autouse=True)
def _known_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not measure the machine's speed, which takes seconds."""
    monkeypatch.setattr(measure, "measure_machine", lambda device, precision: Machine(1e10, 1e11))


def run(*arguments: str) -> Result:
    return invoke("time", *arguments)


def json_of(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    data: dict[str, Any] = json.loads(result.stdout)
    return data


@pytest.mark.ci
def test_timing_a_step_does_without_sympy() -> None:
    """Some of torch's functions import it, which takes a third of a second."""
    done = warm.run("-m", "netspec", "time", DIGITS, *QUICK, blocked=("sympy",))
    assert (done.returncode, done.stderr) == (0, "")
    assert "conv1" in done.stdout


def test_table_lists_every_layer_of_a_training_step() -> None:
    result = run(DIGITS, *QUICK)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("digits, batch 4, fp32, CPU, ")
    assert lines[1].startswith("training ") and "images/s" in lines[1] and "inference" in lines[1]
    names = [line.split()[0] for line in lines[4:] if line.strip()]
    layers = ["conv1", "conv2", "pool2", "conv3", "pool3", "fc4", "drop4", "fc5", "(loss)", "(update)", "total"]
    assert names[: len(layers)] == layers  # training does not compute the final softmax
    quiet = run(DIGITS, *QUICK, "--quiet").stdout
    assert "medians of" in quiet and all(rule in result.stdout and rule not in quiet for rule in RULE)


def test_json_has_seconds_bytes_and_flops() -> None:
    data = json_of(DIGITS, *QUICK)
    assert data["told"] == []
    assert (data["net"], data["device"], data["batch"], data["precision"]) == ("digits", "cpu", 4, "fp32")
    assert data["training"]["images_per_s"] == pytest.approx(4 / data["training"]["step_s"])
    assert data["machine"]["bytes_per_s"] > 0 and data["machine"]["flops_per_s"] > 0
    layers = {row["name"]: row for row in data["layers"]}
    assert sum(row["share"] for row in data["layers"]) == pytest.approx(1)
    assert all(row["forward_s"] > 0 for row in data["layers"])
    assert all(layers[name]["backward_s"] > 0 and layers[name]["floor_s"] > 0 for name in ("conv1", "fc5"))
    # 16 kernels of 3x3 on 8x8 pixels of one map: 9,216 connections; a bias and a ReLU per unit; forward and backward.
    assert layers["conv1"]["flops"] == 4 * 2 * (2 * 9216 + 2 * 1024)
    assert "handwritten" not in data


def test_batch_normalisation_branches_and_losses_are_timed() -> None:
    text = (
        "[image] input 2x8x8\n[a] conv filters=4 kernel=3 pad=1\n[n] batchnorm\n[b] conv filters=4 kernel=1 inputs=n\n"
        "[s] sum inputs=n,b\n[f] fc outputs=3\n[cost] crossentropy\n"
    )
    result = invoke("time", "-", *QUICK, "--precision", "bf16", "--format", "json", text=text)
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert data["precision"] == "bf16"
    assert [row["name"] for row in data["layers"]] == [
        "a", "n", "b", "s", "f", "cost", ":loss", ":update"
    ]  # fmt: skip


def test_compare_without_a_handwritten_network_is_an_error() -> None:
    result = run(DIGITS, *QUICK, "--compare", "handwritten")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no hand-written network that does what digits does" in result.stderr
    assert "alexnet.net, alexnet-one-gpu.net, alexnet-torchvision.net" in result.stderr
    itself = run(DIGITS, "--passes", "--compare", "handwritten")
    assert (itself.exit_code, "--passes compares the network with itself" in itself.stderr) == (2, True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA device")
def test_missing_cuda_device_is_an_error() -> None:
    result = run(DIGITS, "--device", "cuda")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no CUDA device here" in result.stderr


def test_network_that_cannot_be_trained_is_an_error() -> None:
    result = invoke("time", "-", text="[image] input 3x8x8\n[pool] maxpool kernel=2 stride=2\n")
    assert result.exit_code == 1 and "no weights" in result.stderr


def test_pass_is_timed_only_if_it_changes_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gains, "PASSES", (im2col.PASS,))
    graph = loads("[image] input 1x9x9\n[c] conv filters=4 kernel=3\n[f] fc outputs=2\n").graph
    cases: list[tuple[int, Precision, bool]] = [(297, "fp32", False), (298, "fp32", True), (298, "bf16", False)]
    for batch, precision, timed in cases:
        settings = TimingSettings("cpu", batch, precision, 1)
        (result,) = gains.measure_gains(graph, settings)
        assert (result.seconds is not None) == timed
        passes = step_of(graph, settings, ("im2col",)).objective.forms.passes
        assert passes == (("im2col",) if timed else ())


def test_gains_of_passes_as_table_and_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that changes nothing is not timed; one that is switched off is."""
    threads = list[int]()

    def take_turns(steps: Mapping[str, Callable[[], object]], *rounds: int, **options: Any) -> dict[str, list[float]]:
        threads.append(torch.get_num_threads())
        return {name: [{"with": 0.5, "without": 0.75}[name]] for name in steps}

    monkeypatch.setattr(gains, "PASSES", (lrn_chain.PASS, im2col.PASS))
    monkeypatch.setattr(gains, "take_turns", take_turns)
    text = "net n\n[image] input 1x9x9\n[c] conv filters=4 kernel=3\n[f] fc outputs=2\n"
    words = ("time", "-", "--passes", "--rounds", "1", "--batch", "298", "--device", "cpu")
    usual = torch.get_num_threads()
    try:
        table = invoke(*words, text=text)
        quiet = invoke(*words, "--quiet", "--threads", str(usual + 1), text=text)
        data = json.loads(invoke(*words, "--without", "im2col", "--format", "json", text=text).stdout)
    finally:
        torch.set_num_threads(usual)
    assert threads == [usual, usual + 1, usual + 1]
    assert [" ".join(line.split()) for line in quiet.stdout.splitlines() if not line.startswith("─")] == [
        "n, batch 298, fp32, cpu: what optimising passes are worth in training",
        "pass on a step with it without times faster",
        "lrn-chain yes nothing to do",
        "im2col yes 500 ms 750 ms 1.50",
        "medians of 1 turn with all other passes that are on; --without NAME switches one off, --without all every one",
    ]
    assert f"im2col: {im2col.PASS.does}; " in table.stdout and f"im2col is {im2col.PASS.why['cpu']}" in table.stdout
    passes = data.pop("passes")
    assert data == {"net": "n", "device": "cpu", "precision": "fp32", "batch": 298, "rounds": 1}
    facts = {"does": im2col.PASS.does, "exact": im2col.PASS.exact}
    assert passes[1] == {"name": "im2col", **facts, "on": False, "with_s": 0.5, "without_s": 0.75, "times_faster": 1.5}
    assert [passes[0][key] for key in ("on", "with_s", "without_s", "times_faster")] == [True, None, None, None]


@pytest.mark.parametrize("options", [(), ("--passes",)])
def test_batch_too_large_for_memory_is_an_error(options: tuple[str, ...]) -> None:
    """2^20 images of 8192 x 8192 float32 pixels are 256 TiB, more than a process can address."""
    text = "[image] input 1x8192x8192\n[conv] conv filters=2 kernel=8 stride=8\n[fc] fc outputs=2\n"
    result = invoke("time", "-", "--batch", str(2**20), "--device", "cpu", *options, text=text)
    assert result.exit_code == 1, result.exception
    assert result.stderr.startswith("Error: out of memory: ") and "fewer images at a time need less" in result.stderr


@pytest.mark.ci  # starts a process that imports torch
def test_exception_in_a_separate_process_is_raised_here() -> None:
    with in_separate_process(failing) as run, pytest.raises(RuntimeError, match="ValueError: no room"):
        run()


def failing() -> Run:
    raise ValueError("no room")


def test_mode_that_fails_to_compile_is_left_out_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise RuntimeError("backend='inductor' raised:\nno compiler\nmore of it")

    def handwritten_steps(*arguments: object) -> tuple[Callable[[], None], Callable[[], None]]:
        return (fails, fails) if arguments[-1] == "compiled" else (lambda: None, lambda: None)

    monkeypatch.setattr(measure, "modes", lambda device: ("eager", "compiled", "max-autotune"))
    monkeypatch.setattr(measure, "handwritten_steps", handwritten_steps)
    graph, notes = load(SPECS / "digits.net").graph, list[str]()
    settings = TimingSettings("cpu", 4, "fp32", 1)
    step = step_of(graph, settings, ())
    timings = measure._here(step, graph, settings, PEERS[0], notes.append)
    assert [list(turns) for turns in timings] == 2 * [[OURS, "eager", "max-autotune"]]
    assert notes == [
        "hand-written, compiled: left out, because torch.compile fails here: "
        "RuntimeError backend='inductor' raised: no compiler"
    ]


def test_wrong_spec_is_an_error() -> None:
    assert run(str(SPECS / "mistakes" / "224-exact.net")).exit_code == 1


def assert_compared(*arguments: str) -> None:
    data = json_of(*arguments, "--rounds", "1", "--device", "cpu", "--compare", "handwritten")
    assert [mode["mode"] for mode in data["handwritten"]] == ["eager"]
    ours, theirs = data["training"]["step_s"], data["handwritten"][0]["training"]["step_s"]
    assert data["times_handwritten"]["training"] == pytest.approx(theirs / ours)


def test_compare_measures_the_handwritten_network(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer("digits.net", lambda classes: nn.Sequential(nn.Flatten(), nn.Linear(64, classes)), ())
    monkeypatch.setattr(handwritten, "peer_of", lambda graph: peer)
    assert_compared(DIGITS, "--batch", "4", "--without", "kept-memory")


@pytest.mark.slow  # four processes, each with an AlexNet
def test_compare_measures_in_separate_processes() -> None:
    assert_compared(str(SPECS / "alexnet.net"), "--batch", "1")
