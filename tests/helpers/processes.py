"""Running netspec as a user does, in this process or a new one, optionally with libraries blocked from import."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import warm
from blocking import sitecustomize
from click.testing import CliRunner, Result
from places import ROOT

from netspec.cli import main

NUMERICS = ("torch", "onnx", "numpy")
"""Libraries that commands about text must not import."""


def python(
    *arguments: str | Path, blocked: Collection[str] = (), text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a new Python from the repository's root, with ``text`` on standard input. ``blocked`` cannot be imported."""
    with TemporaryDirectory() as folder:
        Path(folder, "sitecustomize.py").write_text(sitecustomize(blocked), "utf-8")
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": folder, "NO_COLOR": "1"},
            input=text,
            capture_output=True,
            text=True,
        )


def netspec(
    *arguments: str | Path,
    blocked: Collection[str] = (),
    text: str | None = None,
    own: bool = False,
    cold: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run the command ``netspec`` from the repository's root, by default in this process.

    An exception that the command does not handle, for which a user would see a traceback, is raised here too.

    With ``own``, the command runs in a warm process (see ``warm``), which starts quickly; with ``cold`` or ``blocked``,
    in a new Python, which has imported nothing yet.
    """
    words = [str(word) for word in arguments]
    if cold or blocked or (own and not warm.HERE):
        return python("-m", "netspec", *words, blocked=blocked, text=text)
    if own:
        return warm.run("-m", "netspec", *words, text=text)
    with chdir(ROOT):
        done = invoke(*words, text=text)
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def invoke(*arguments: object, text: str | bytes | None = None) -> Result:
    """Run the command ``netspec`` in this process, in the current folder, with ``text`` on standard input.

    An exception that the command does not handle, for which a user would see a traceback, is raised here too.
    """
    runner = CliRunner(env={"NO_COLOR": "1"}, catch_exceptions=False)
    return runner.invoke(main, [str(word) for word in arguments], input=text, prog_name="netspec")
