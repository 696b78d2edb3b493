"""Runs that are killed, wherever they are, and gone on with: bit for bit what an uninterrupted run gives."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import pytest
from run_folders import SPEC, launch, lines_in, newest_checkpoint, read_log, same_result, wait_until

from netspec.train.runs import checkpoint

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

COMMAND = ("tiny.net", "--data", "synthetic", "--threads", "1", "--quiet")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tiny.net").write_text(SPEC)
    process = launch(folder, *COMMAND, "--out", "run")
    process.join(60)
    assert process.exitcode == 0, (folder / "err").read_text()
    return folder / "run"


def killed(folder: Path, lines: int, *arguments: str) -> bool:
    """Run a command and kill it when the log has grown by so many lines. Whether it had not ended by itself."""
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


# Several processes each. Resuming after a kill is tested in runs/test_resume.py as well.
@pytest.mark.parametrize(
    "lines",
    [
        *(pytest.param(n, marks=pytest.mark.ci) for n in (1, 33)),
        *(pytest.param(n, marks=pytest.mark.slow) for n in (15, 80)),
    ],
)
def test_one_kill(tmp_path: Path, whole: Path, lines: int) -> None:
    """In the first epoch, at its validation, in the last epoch; a checkpoint every seventh step."""
    (tmp_path / "tiny.net").write_text(SPEC)
    assert killed(tmp_path, lines, *COMMAND, "--out", "run", "--save-every", "7")
    finish(tmp_path, "--resume", "run", "--quiet")
    resumed = newest_checkpoint(tmp_path / "run")["resumed"]
    assert lines - 9 <= resumed[0] <= lines + 20
    assert [line["step"] for line in read_log(tmp_path / "run") if "loss" in line] == list(range(1, 97))
    settings = newest_checkpoint(tmp_path / "run")["settings"]
    assert settings["save_every"] == "7"
    assert same_result(tmp_path / "run", whole)


@pytest.mark.ci  # many kills
def test_kills_again_and_again_also_while_a_checkpoint_is_written(tmp_path: Path, whole: Path) -> None:
    """The same command each time, killed a few steps on, until it ends by itself."""
    (tmp_path / "tiny.net").write_text(SPEC)
    command = (*COMMAND, "--out", "run", "--save-every", "1")
    chance = random.Random(0)
    kills = 0
    while killed(tmp_path, chance.randint(8, 25), *command):
        kills += 1
    assert kills >= 3
    assert same_result(tmp_path / "run", whole)


@pytest.mark.slow  # some thirty processes
def test_kills_at_random_moments(tmp_path: Path, whole: Path) -> None:
    """Anywhere: before the first checkpoint, in a step, in a validation, in the writing of a checkpoint."""
    (tmp_path / "tiny.net").write_text(SPEC)
    command = (*COMMAND, "--out", "run", "--save-every", "1")
    checkpoints = tmp_path / "run" / "checkpoints"
    chance = random.Random(1)
    kills, in_writing = 0, 0
    while kills < 60:
        process = launch(tmp_path, *command)
        if kills % 4:
            before = names(checkpoints)
            wait_until(lambda: names(checkpoints) != before or not process.is_alive())  # noqa: B023
            process.join(chance.uniform(0.0, 0.05))
        else:
            process.join(chance.uniform(0.0, 0.3))
        if not process.is_alive():
            break
        process.kill()
        process.join(60)
        kills += 1
        in_writing += any(checkpoints.glob(".*.part"))
    finish(tmp_path, *command)
    print(f"{kills} kills, {in_writing} of them while a checkpoint was written")
    assert kills >= 10
    assert in_writing >= 1
    assert same_result(tmp_path / "run", whole)


def names(folder: Path) -> set[str]:
    """The checkpoints in a folder."""
    return {path.name for path in checkpoint.saved(folder)}


@pytest.mark.ci  # several processes
def test_a_process_that_was_killed_before_its_first_checkpoint(tmp_path: Path, whole: Path) -> None:
    (tmp_path / "tiny.net").write_text(SPEC)
    process = launch(tmp_path, *COMMAND, "--out", "run")
    wait_until(lambda: (tmp_path / "run" / "spec.net").exists())
    process.kill()
    process.join(60)
    for path in (tmp_path / "run" / "checkpoints").iterdir():
        path.unlink()  # in case it was quick
    finish(tmp_path, "--resume", "run", "--quiet")
    assert same_result(tmp_path / "run", whole)


def test_two_processes_in_one_folder(tmp_path: Path) -> None:
    (tmp_path / "tiny.net").write_text(SPEC)
    (tmp_path / "other").mkdir()
    first = launch(tmp_path, *COMMAND, "--out", "run", "--epochs", "9999")
    wait_until(lambda: lines_in(tmp_path / "run" / "metrics.jsonl") > 0)
    second = launch(tmp_path / "other", "--resume", "../run")
    second.join(60)
    first.kill()
    first.join(60)
    assert second.exitcode == 1
    told = (tmp_path / "other" / "err").read_text().splitlines()
    assert re.fullmatch(rf"Error: another process is training in \.\./run: process {first.pid} on \S+", told[0])
