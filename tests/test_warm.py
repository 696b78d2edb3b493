"""Warm processes behave like cold ones; otherwise the tests that use them would prove nothing."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import warm
from processes import netspec, python

pytestmark = pytest.mark.skipif(not warm.HERE, reason="processes cannot be forked here")

WRONG = "[image] input 3x32x32\n[c] conv filters=2 kernal=3\n"
TRAINED = ("--data", "synthetic", "--steps", "1", "--batch", "4", "--threads", "1", "--quiet", "--device", "cpu")


@pytest.mark.ci
@pytest.mark.parametrize(
    ("words", "text", "code"),
    [
        ("check specs/alexnet.net", None, 0),
        ("check -", WRONG, 1),
        ("summary specs/nothing.net", None, 2),
        ("summary specs/digits.net --format json", None, 0),
        ("chekc", None, 2),
        ("", None, 2),
        ("fmt -", "train x=é\n", 1),
        ("compile specs/alexnet.net -o -", None, 0),
        ("train specs/digits.net --data synthetic --set train.batch=2000", None, 1),
    ],
)
def test_warm_command_prints_and_exits_like_a_cold_one(words: str, text: str | None, code: int) -> None:
    in_warm, in_cold = (netspec(*words.split(), text=text, own=True, cold=cold) for cold in (False, True))
    assert in_warm.returncode == in_cold.returncode == code
    assert (in_warm.stdout, in_warm.stderr) == (in_cold.stdout, in_cold.stderr)


@pytest.mark.slow  # two trainings
def test_warm_training_writes_the_same_run(tmp_path: Path) -> None:
    """The losses are equal to the bit, and the same files are written."""
    runs = []
    for name, cold in (("warm", False), ("cold", True)):
        done = netspec("train", "specs/digits.net", *TRAINED, "--out", tmp_path / name, own=True, cold=cold)
        log = [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        files = sorted(str(path.relative_to(tmp_path / name)) for path in (tmp_path / name).rglob("*"))
        losses = [(line.get("loss"), line.get("val_loss")) for line in log]
        runs.append((done.returncode, done.stdout.replace(str(tmp_path / name), "run"), done.stderr, losses, files))
    assert runs[0] == runs[1]
    assert runs[0][0] == 0


PROGRAM = """
import json, os, signal, sys, threading, time, torch
print(time.process_time(), json.dumps({
    "words": sys.argv[1:], "folder": os.getcwd(), "name": __name__, "read": sys.stdin.read(), "beside": sys.path[0],
    "colour": os.environ["NO_COLOR"], "given": os.environ["GIVEN"], "interrupt": str(signal.getsignal(signal.SIGINT)),
    "threads": threading.active_count(), "terminals": [os.isatty(number) for number in range(3)],
    "helpers": any(path.endswith("helpers") for path in sys.path), "streams": [sys.stdin.encoding, sys.stdout.encoding],
    "torch": [str(torch.get_default_dtype()), torch.get_num_threads()],
}))
print("an error", file=sys.stderr)
sys.exit("the end")
"""


@pytest.mark.ci  # a process that imports torch
def test_warm_program_has_the_same_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN", "to both")
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    in_warm, in_cold = (run(path, "a", "b c", text="å\n") for run in (warm.run, python))
    (warm_seconds, seen), (cold_seconds, expected) = (done.stdout.split(maxsplit=1) for done in (in_warm, in_cold))
    assert json.loads(seen) == json.loads(expected)
    assert (in_warm.returncode, in_warm.stderr) == (in_cold.returncode, in_cold.stderr) == (1, "an error\nthe end\n")
    assert float(warm_seconds) < 0.2 * float(cold_seconds), (
        "processor seconds; a cold process needs two to import torch"
    )


def test_blocked_module_cannot_be_imported(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text("import sys, json\nprint('rich' in sys.modules)\nfrom netspec.formatting import plural")
    for run in (warm.run, python):
        done = run(path, blocked=("netspec", "rich"))
        assert (done.returncode, done.stdout) == (1, "False\n")
        assert done.stderr.endswith("ImportError: netspec is blocked\n")
    assert warm.run(path).returncode == 0


def test_warm_processes_are_independent(tmp_path: Path) -> None:
    """A warm process can be killed, and does not affect the next one."""
    path = tmp_path / "program.py"
    path.write_text("import os, torch\ntorch.set_default_dtype(torch.float64)\nos.kill(os.getpid(), 9)")
    assert warm.run(path).returncode == -signal.SIGKILL
    path.write_text("import os, torch\nprint(torch.get_default_dtype(), os.getpid())")
    dtype, number = warm.run(path).stdout.split()
    assert dtype == "torch.float32"
    assert int(number) != os.getpid()
