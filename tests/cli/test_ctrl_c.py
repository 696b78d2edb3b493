"""Ctrl-C while a command is loaded, while it runs and while Python exits: no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself SIGINT there")

CTRL_C = "os.kill(os.getpid(), signal.SIGINT)"
AT_EXIT = f"import atexit, os, signal; atexit.register(lambda: {CTRL_C})"
COMMAND = [sys.executable, "-m", "netspec", "check", "specs/lenet.net"]


def test_ctrl_c_ends_without_a_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "netspec", "check", "-"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    # The import log shows when the command has started and waits for its standard input.
    for line in process.stderr:
        if line.endswith(" netspec.opening\n"):
            break
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert rest.endswith("interrupted\n")
    assert "Traceback" not in rest


def run_with(module: str, text: str, command: list[str], folder: Path) -> tuple[int, str]:
    """Run a command in which this module is imported. Return its exit code and standard error."""
    (folder / f"{module}.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.returncode, done.stderr


def test_ctrl_c_before_the_command_gives_no_traceback(tmp_path: Path) -> None:
    """click is imported before there are any commands."""
    assert run_with("click", f"import os, signal; {CTRL_C}", COMMAND, tmp_path) == (130, "interrupted\n")


def test_ctrl_c_after_the_command_gives_no_traceback(tmp_path: Path) -> None:
    assert run_with("sitecustomize", AT_EXIT, COMMAND, tmp_path) == (-signal.SIGINT, "")


def test_ctrl_c_stays_ignored_where_it_was(tmp_path: Path) -> None:
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *COMMAND]
    assert run_with("sitecustomize", AT_EXIT, ignoring, tmp_path) == (0, "")
