"""Runs that are killed at any time and resumed have, bit for bit, the result of an uninterrupted run."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import pytest
from run_folders import SPEC, launch, lines_in, newest_checkpoint, read_log, same_result, wait_until

from netspec.train.runs import checkpoint

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

ARGUMENTS = ("tiny.net", "--data", "synthetic", "--threads", "1", "--quiet")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tiny.net").write_text(SPEC)
    process = launch(folder, *ARGUMENTS, "--out", "run")
    process.join(60)
    assert process.exitcode == 0, (folder / "err").read_text()
    return folder / "run"


def kill_after(folder: Path, lines: int, *arguments: str) -> bool:
    """Run a command and kill it when its log has grown by so many lines. Return whether it was still running."""
    before = lines_in(folder / "run" / "metrics.jsonl")
    process = launch(folder, *arguments)
    wait_until(lambda: lines_in(folder / "run" / "metrics.jsonl") >= before + lines or not process.is_alive())
    process.kill()
    process.join(60)
    assert process.exitcode in (-9, 0), (folder / "err").read_text()
    return process.exitcode == -9


def finish(folder: Path, *arguments: str) -> None:
    process = launch(folder, *arguments)
    process.join(60)
    assert process.exitcode == 0, (folder / "err").read_text()


# Not in `make test`, since they start several processes. runs/test_resume.py tests resuming in one process.
@pytest.mark.parametrize(
    "lines",
    [
        *(pytest.param(n, marks=pytest.mark.ci) for n in (1, 33)),
        *(pytest.param(n, marks=pytest.mark.slow) for n in (15, 80)),
    ],
)
def test_run_resumes_after_one_kill(tmp_path: Path, whole: Path, lines: int) -> None:
    """In the first epoch, at its validation, and in the last epoch, with a checkpoint every seventh step."""
    (tmp_path / "tiny.net").write_text(SPEC)
    assert kill_after(tmp_path, lines, *ARGUMENTS, "--out", "run", "--save-every", "7")
    finish(tmp_path, "--resume", "run", "--quiet")
    resumed = newest_checkpoint(tmp_path / "run")["resumed"]
    assert lines - 9 <= resumed[0] <= lines + 20
    assert [line["step"] for line in read_log(tmp_path / "run") if "loss" in line] == list(range(1, 97))
    settings = newest_checkpoint(tmp_path / "run")["settings"]
    assert settings["save_every"] == "7"
    assert same_result(tmp_path / "run", whole)


@pytest.mark.slow  # test_resume.py resumes runs of these rules, too
@pytest.mark.parametrize("optimizer", ["sgd(lr=0.02, nesterov=yes)", "adamw(lr=0.01)", "rmsprop(centered=yes)"])
def test_run_of_another_update_rule_resumes_after_a_kill(tmp_path: Path, optimizer: str) -> None:
    for name in ("killed", "whole"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tiny.net").write_text(SPEC.replace("sgd(lr=0.02)", optimizer))
    assert kill_after(tmp_path / "killed", 33, *ARGUMENTS, "--out", "run", "--save-every", "7")
    finish(tmp_path / "killed", "--resume", "run", "--quiet")
    finish(tmp_path / "whole", *ARGUMENTS, "--out", "run")
    assert newest_checkpoint(tmp_path / "killed" / "run")["resumed"]
    assert same_result(tmp_path / "killed" / "run", tmp_path / "whole" / "run")


@pytest.mark.ci  # many kills
def test_run_resumes_after_repeated_kills(tmp_path: Path, whole: Path) -> None:
    """Repeat the same command, and kill it after a few steps, until it finishes."""
    (tmp_path / "tiny.net").write_text(SPEC)
    command = (*ARGUMENTS, "--out", "run", "--save-every", "1")
    rng = random.Random(0)
    kills = 0
    while kill_after(tmp_path, rng.randint(8, 25), *command):
        kills += 1
    assert kills >= 3
    assert same_result(tmp_path / "run", whole)


@pytest.mark.slow  # some thirty processes
def test_run_resumes_after_kills_at_random_moments(tmp_path: Path, whole: Path) -> None:
    """Before the first checkpoint, during a step or a validation, or while a checkpoint is written."""
    (tmp_path / "tiny.net").write_text(SPEC)
    command = (*ARGUMENTS, "--out", "run", "--save-every", "1")
    checkpoints = tmp_path / "run" / "checkpoints"
    rng = random.Random(1)
    kills, while_writing = 0, 0
    while kills < 60:
        process = launch(tmp_path, *command)
        if kills % 4:
            before = checkpoint.list_checkpoints(checkpoints)
            wait_until(lambda: checkpoint.list_checkpoints(checkpoints) != before or not process.is_alive())  # noqa: B023
            process.join(rng.uniform(0.0, 0.05))
        else:
            process.join(rng.uniform(0.0, 0.3))
        if not process.is_alive():
            break
        process.kill()
        process.join(60)
        kills += 1
        while_writing += any(checkpoints.glob(".*.part"))
    finish(tmp_path, *command)
    print(f"{kills} kills, {while_writing} of them while a checkpoint was written")
    assert kills >= 10
    assert while_writing >= 1
    assert same_result(tmp_path / "run", whole)


@pytest.mark.ci  # several processes
def test_run_resumes_without_a_checkpoint(tmp_path: Path, whole: Path) -> None:
    (tmp_path / "tiny.net").write_text(SPEC)
    process = launch(tmp_path, *ARGUMENTS, "--out", "run")
    wait_until(lambda: (tmp_path / "run" / "spec.net").exists())
    process.kill()
    process.join(60)
    for path in (tmp_path / "run" / "checkpoints").iterdir():
        path.unlink()  # in case it had written one
    finish(tmp_path, "--resume", "run", "--quiet")
    assert same_result(tmp_path / "run", whole)


@pytest.mark.ci
def test_second_process_in_a_run_folder_fails(tmp_path: Path) -> None:
    (tmp_path / "tiny.net").write_text(SPEC)
    (tmp_path / "other").mkdir()
    first = launch(tmp_path, *ARGUMENTS, "--out", "run", "--epochs", "9999")
    wait_until(lambda: lines_in(tmp_path / "run" / "metrics.jsonl") > 0)
    second = launch(tmp_path / "other", "--resume", "../run")
    second.join(60)
    first.kill()
    first.join(60)
    assert second.exitcode == 1
    message = (tmp_path / "other" / "err").read_text().splitlines()[0]
    assert re.fullmatch(rf"Error: another process is training in \.\./run: process {first.pid} on \S+", message)
