"""Running netspec as a user does: a process of its own, in which libraries can be made impossible to import."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

import warm
from blocking import sitecustomize
from places import ROOT

NUMERICS = ("torch", "onnx", "numpy")
"""What commands about text must do without."""


def python(
    *arguments: str | Path, blocked: Collection[str] = (), text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python from the repository's root with ``text`` on standard input. Importing a blocked library raises."""
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
    *arguments: str | Path, blocked: Collection[str] = (), text: str | None = None, cold: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the command ``netspec`` from the repository's root: in a warm process, which starts in no time, unless it is
    to be a ``cold`` one or a library is blocked, since only a cold one imports what it needs by itself."""
    if cold or blocked or not warm.HERE:
        return python("-m", "netspec", *arguments, blocked=blocked, text=text)
    return warm.run("-m", "netspec", *arguments, text=text)
