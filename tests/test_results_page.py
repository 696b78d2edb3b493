"""docs/results.md: its commands parse, its files exist, and its result for the digits is reproduced."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
import warm
from places import ROOT

from netspec.cli import main
from netspec.train.data.sources.cifar10 import RECORD, open_cifar10

PAGE = ROOT / "docs" / "results.md"
SCRIPTS = ROOT / "benchmarks" / "results"
TEXT = PAGE.read_text("utf-8")
COMMANDS = re.findall(r"^\$ (.+)$", TEXT, re.MULTILINE)
PYTHON = ".venv/bin/python"


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("netspec ")])
def test_netspec_commands_parse(command: str) -> None:
    _, *words = command.split()
    context = main.make_context("netspec", list(words))
    name, subcommand, rest = main.resolve_command(context, words)
    assert name is not None and subcommand is not None
    # This parses the options, and raises for one that does not exist, without running the command.
    assert isinstance(subcommand.make_context(name, list(rest), parent=context), click.Context)
    assert all((ROOT / word).is_file() for word in words if word.startswith("specs/"))


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith(PYTHON)])
def test_scripts_exist_and_accept_the_options(command: str) -> None:
    _, script, *words = command.split()
    assert (ROOT / script).is_file()
    done = warm.run(ROOT / script, *words, "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_every_results_script_is_shown() -> None:
    assert [command for command in COMMANDS if not command.startswith(("netspec ", PYTHON))] == []
    shown = {command.split()[1] for command in COMMANDS if command.startswith(PYTHON)}
    programs = {path for path in SCRIPTS.glob("*.py") if "__main__" in path.read_text("utf-8")}
    assert shown == {str(path.relative_to(ROOT)) for path in programs}


def test_files_named_by_the_page_exist_and_images_are_small() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (PAGE.parent / target).is_file(), target
    for name in re.findall(r"`((?:specs|benchmarks|tests|docs)/[\w./-]+)`", TEXT):
        assert (ROOT / name).exists(), name
    images = sorted(PAGE.parent.glob("results-*.png"))
    assert [path.name for path in images] == sorted(re.findall(r"\((results-[\w-]+\.png)\)", TEXT))
    assert max(path.stat().st_size for path in images) < 150_000


@pytest.mark.ci
def test_generated_images_are_deterministic_and_in_cifar10s_format(tmp_path: Path) -> None:
    for name in ("a", "b"):
        subprocess.run(
            [sys.executable, SCRIPTS / "generated.py", tmp_path / name, "--train", "50", "--test", "20"], check=True
        )
    data = open_cifar10(tmp_path / "a")
    assert data.classes == tuple(f"t{number}" for number in range(10))
    assert np.bincount(data.train.labels).tolist() == [5] * 10
    assert data.validation is not None and np.bincount(data.validation.labels).tolist() == [2] * 10
    files = sorted(path.name for path in (tmp_path / "a").glob("*.bin"))
    assert files == [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    for name in files:
        content = (tmp_path / "a" / name).read_bytes()
        assert content == (tmp_path / "b" / name).read_bytes()
        assert len(content) == (20 if name == "test_batch.bin" else 10) * RECORD


@pytest.mark.slow  # a whole training: ten seconds
def test_digits_reach_98_5_percent(tmp_path: Path) -> None:
    command = next(command for command in COMMANDS if command.startswith("netspec train specs/digits.net"))
    _, *words = command.split()
    words[words.index("--out") + 1] = str(tmp_path / "run")
    subprocess.run([sys.executable, "-m", "netspec", *words], cwd=ROOT, check=True)
    last = json.loads((tmp_path / "run" / "metrics.jsonl").read_text("utf-8").splitlines()[-1])
    assert last["val_images"] == 359
    assert last["top1"] >= 0.985
