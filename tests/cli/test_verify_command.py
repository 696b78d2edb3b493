"""``netspec verify``: its table, its JSON, what it leaves out, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import networks
import pytest
import torch
import warm
from click.testing import Result
from processes import invoke

from netspec.ir.graph import Graph
from netspec.net import loads
from netspec.passes.placing import Arrangement
from netspec.train.processes import verification
from netspec.train.processes.differences import TOLERANCES, Comparison, Difference

SAME = Comparison(Difference(1e-16, 1e-15, 1e-15, 2e-15, "conv.weight"), "float64")

SENSITIVE = """\
net sensitive rounding=down
default conv filters=16 kernel=3 pad=1
default batchnorm neuron=relu
[image] input 3x32x32
""" + "".join(f"[c{n}] conv stride={2 if n < 5 else 1}\n[b{n}] batchnorm\n" for n in range(9)) + """\
[fc] fc outputs=10
[prob] softmax
train batch=4 epochs=1 optimizer=sgd(lr=0.1, momentum=0.9) accumulate=2
"""  # fmt: skip
"""The last batch normalisations are over two values, one pixel of each of two images."""


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    """Start the server of warm processes first: one started by ``verify`` has imported less, and the other tests would
    have to use it."""
    if warm.HERE:
        warm.serve()


@pytest.fixture
def plain(tmp_path: Path) -> str:
    path = tmp_path / "plain.net"
    path.write_text(networks.PLAIN)
    return str(path)


@pytest.fixture
def towers(tmp_path: Path) -> str:
    path = tmp_path / "towers.net"
    path.write_text(networks.TOWERS.replace(" reads=all", ""))  # avoids a warning
    return str(path)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace the comparison by one without processes or differences, and return the list of its calls."""
    calls: list[dict[str, Any]] = []

    def compare(graph: Graph, arrangements: Sequence[Arrangement], trial: Any, start: Any) -> Iterator[Any]:
        calls.append({"arrangements": [(a.split, a.devices) for a in arrangements], "trial": trial, "start": start})
        return iter([(arrangement, SAME) for arrangement in arrangements])

    monkeypatch.setattr(verification, "compare", compare)
    return calls


def verify(*arguments: str) -> Result:
    return invoke("verify", *arguments)


@pytest.mark.ci
def test_table_of_real_processes(plain: str) -> None:
    mixing = ("--set", "augment.mixup=0.4", "--set", "augment.cutmix=1")
    words = ("--gpus", "1,2", "--batch", "4", "--steps", "2", "--split", "batch", "--split", "hybrid")
    result = verify(plain, *words, *mixing)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0].startswith("plain: 2 training steps of 4 images in float64 on the cpu, seed 0")
    row = r"\d +(-|batch|hybrid) +(\d\.\de[-+]\d\d +){3}\d\.\de[-+]\d\d  same"
    assert [line.split()[:2] for line in lines if re.fullmatch(row, line)] == [
        ["1", "-"], ["2", "batch"], ["2", "hybrid"],
    ]  # fmt: skip


def test_json_in_single_precision_from_other_weights(plain: str, tmp_path: Path) -> None:
    start = verification.initial_state(_graph(networks.PLAIN), verification.Trial(4, 1, 7, "float32", "cpu"))
    torch.save(start, tmp_path / "w.pth")
    arguments = (plain, "--gpus", "2", "--split", "batch", "--steps", "1", "--dtype", "float32", "--format", "json")
    result = verify(*arguments, "--weights", str(tmp_path / "w.pth"))
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {key: found[key] for key in ("net", "batch", "steps", "seed", "device", "dtype", "tolerance")} == {
        "net": "plain", "batch": 4, "steps": 1, "seed": 0, "device": "cpu", "dtype": "float32", "tolerance": 1e-3,
    }  # fmt: skip
    (row,) = found["arrangements"]
    assert row["devices"] == 2
    assert row["split"] == "batch"
    assert row["same"] is True
    assert 0 < row["weights_after_all_steps"] < 1e-3


def has_server(process: subprocess.Popen[str]) -> bool:
    """Whether a process has started the server that forks its processes."""
    listed = subprocess.run(["ps", "-o", "args=", "--ppid", str(process.pid)], capture_output=True, text=True).stdout
    return "forkserver" in listed


@pytest.mark.slow  # several processes
@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("ps"), reason="asks Linux's ps for the processes")
def test_ctrl_c_during_start_of_processes_gives_no_traceback(plain: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "netspec", "verify", plain, "--gpus", "2", "--steps", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while not has_server(process) and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.4)  # it has begun to import torch
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "interrupted\n")


def test_weights_are_read_from_the_file(plain: str, tmp_path: Path, quick: list[dict[str, Any]]) -> None:
    start = verification.initial_state(_graph(networks.PLAIN), verification.Trial(4, 1, 7, "float32", "cpu"))
    torch.save(start, tmp_path / "w.pth")
    assert verify(plain, "--weights", str(tmp_path / "w.pth"), "--fresh", "fc").exit_code == 0
    assert torch.equal(quick[0]["start"]["conv.weight"], start["conv.weight"])
    assert not torch.equal(quick[0]["start"]["fc.weight"], start["fc.weight"])
    assert verify(plain, "--seed", "7").exit_code == 0
    assert torch.equal(quick[1]["start"]["fc.weight"], start["fc.weight"])


def test_difference_is_reported_with_exit_code_1(plain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = verification.run_on_one_device

    def run_on_devices(graph: Graph, arrangement: Arrangement, trial: Any, start: Any) -> dict[str, Any]:
        record = right(graph, trial, start)
        record["last"]["held", "fc.weight"] *= 1 + 1e-9
        return record

    monkeypatch.setattr(verification, "run_on_devices", run_on_devices)
    result = verify(plain, "--gpus", "2", "--split", "batch", "--quiet")
    assert result.exit_code == 1
    assert re.fullmatch(r"2 +batch .* 1\.0e-09  DIFFERS, most in fc\.weight\n", result.stdout)


@pytest.mark.parametrize(
    ("number", "factor", "code", "verdict", "notes"),
    [
        ("float64", 1.0, 0, "same, with amplified rounding", 2),
        pytest.param("float64", 20.0, 1, "DIFFERS, most in the loss", 0, marks=pytest.mark.ci),
        pytest.param("float32", 1.0, 1, "DIFFERS, most in the loss", 3, marks=pytest.mark.ci),  # too much for float32
    ],
)
def test_difference_like_that_of_one_rounding_unit_is_called_rounding(
    number: Any, factor: float, code: int, verdict: str, notes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "sensitive.net"
    spec.write_text(SENSITIVE)
    graph, trial = _graph(SENSITIVE), verification.Trial(4, 2, 1, number, "cpu")
    start = verification.initial_state(graph, trial)
    right, unit = (verification.run_on_one_device(graph, trial, start, off_by_a_unit=off) for off in (False, True))
    effect = verification.difference(right, unit, number).largest
    tolerance = TOLERANCES[number]
    assert effect > tolerance / 3

    def run_on_devices(graph: Graph, arrangement: Arrangement, trial: Any, start: Any) -> dict[str, Any]:
        record = verification.run_on_one_device(graph, trial, start)
        record["losses"][-1] *= 1 + factor * max(effect, 3 * tolerance)
        return record

    monkeypatch.setattr(verification, "run_on_devices", run_on_devices)
    sizes = ("--gpus", "2", "--split", "batch", "--batch", "4", "--steps", "2", "--seed", "1")
    result = verify(str(spec), *sizes, "--dtype", number)
    assert result.exit_code == code, result.output
    table, _, below = result.stdout.split("\n\n", 1)[1].partition("\n\n")
    assert re.search(f"  {verdict}$", table.rstrip())
    assert len(below.splitlines()) == notes
    assert (f"one device differs from itself by {effect:.1e};" in below) == (notes > 0)


def test_different_dropout_seed_is_a_difference(plain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropout drawn from another seed than on the single device."""
    right = verification.run_on_one_device

    def run_on_devices(graph: Graph, arrangement: Arrangement, trial: Any, start: Any) -> dict[str, Any]:
        monkeypatch.setattr(verification, "batch", lambda graph, other: batch(graph, trial))
        return right(graph, verification.Trial(trial.batch, trial.steps, 1, trial.number, "cpu"), start)

    batch = verification.batch
    monkeypatch.setattr(verification, "run_on_devices", run_on_devices)
    result = verify(plain, "--gpus", "2", "--split", "batch", "--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["arrangements"][0]["same"] is False


def test_quiet_prints_nothing_without_differences(plain: str, quick: list[dict[str, Any]]) -> None:
    result = verify(plain, "-q")
    assert (result.exit_code, result.output) == (0, "")


def test_all_possible_splits_are_compared_by_default(towers: str, plain: str, quick: list[dict[str, Any]]) -> None:
    result = verify(towers, "--gpus", "1,2,4")
    assert quick[0]["arrangements"] == [
        ("batch", 1), *((split, n) for n in (2, 4) for split in ("groups", "batch", "hybrid")),
    ]  # fmt: skip
    assert quick[0]["trial"].batch == 8
    assert result.stderr == ""
    verify(plain, "--gpus", "2")
    assert quick[1]["arrangements"] == [("batch", 2), ("hybrid", 2)]


def test_impossible_split_is_left_out_with_a_note(towers: str, quick: list[dict[str, Any]]) -> None:
    result = verify(towers, "--gpus", "2,3", "--batch", "7")
    assert result.exit_code == 0
    assert quick[0]["arrangements"] == [("groups", 2), ("batch", 2), ("batch", 3)]
    assert result.stderr.splitlines() == [
        "left out: --split hybrid needs equal shares, and 2 shares do not divide a batch of 7: 7 / 2 = 3.5",
        "left out: 3 devices cannot share 4 GPU groups: 4 / 3 = 1.333 groups a device",
        "left out: --split hybrid needs equal shares, and 3 shares do not divide a batch of 7: 7 / 3 = 2.33333",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--gpus", "2,3", "--split", "groups"), "3 devices cannot share 4 GPU groups: 4 / 3 = 1.333 groups a device"),
        (("--gpus", "2", "--split", "hybrid", "--batch", "3"), "--split hybrid needs equal shares, and 2"),
        (("--gpus", "4", "--split", "batch", "--batch", "3"), "4 devices cannot share a batch of 3"),
        (("--gpus", "0"), "'0' is not a number of devices; write 2, or several, 1,2,4 (1 to 64)"),
        (("--gpus", "two"), "'two' is not a number of devices"),
        (("--gpus", "1,,2"), "'1,,2' is not a number of devices"),
        (("--gpus", "65"), "'65' is not a number of devices"),
        (("--split", "layers"), "'layers' is not one of 'groups', 'batch', 'hybrid'"),
        (("--weights", "nothing.pth"), "there are no weights called nothing.pth"),
        pytest.param(
            ("--device", "cuda"), "2 CUDA devices requested, but this machine has 0",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there are CUDA devices"),
        ),
    ],
)  # fmt: skip
def test_invalid_arguments_are_usage_errors(towers: str, arguments: tuple[str, ...], message: str) -> None:
    result = verify(towers, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_weights_of_another_network_are_an_error(towers: str, tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "w.pth")
    result = verify(towers, "--weights", str(tmp_path / "w.pth"))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: the weights in {tmp_path / 'w.pth'} do not fit towers\n")


def test_failed_process_is_reported_without_a_traceback(plain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes fail because one weight is missing."""
    right = verification.run_on_devices

    def run_on_devices(graph: Graph, arrangement: Arrangement, trial: Any, start: dict[str, Any]) -> dict[str, Any]:
        return right(graph, arrangement, trial, {key: x for key, x in start.items() if key != "fc.weight"})

    monkeypatch.setattr(verification, "run_on_devices", run_on_devices)
    result = verify(plain, "--gpus", "2", "--split", "batch")
    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert re.fullmatch(r"Error: process [01] of 2 devices, split by batch, failed", first)
    assert second == "  KeyError: 'fc.weight'"


def _graph(text: str) -> Graph:
    return loads(text).graph
