"""Running netspec as a user does: a process of its own, in which libraries can be made impossible to import."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

from places import ROOT

NUMERICS = ("torch", "onnx", "numpy")
"""What commands about text must do without."""

BLOCK = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ImportError(f"{{name}} is blocked")

sys.meta_path.insert(0, Block())
"""
"""A ``sitecustomize``: Python runs it before anything else. It takes effect on every import, however it is written."""


def python(
    *arguments: str | Path, blocked: Collection[str] = (), text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python from the repository's root with ``text`` on standard input. Importing a blocked library raises."""
    with TemporaryDirectory() as folder:
        Path(folder, "sitecustomize.py").write_text(BLOCK.format(names=set(blocked) or "()"))
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": folder, "NO_COLOR": "1"},
            input=text,
            capture_output=True,
            text=True,
        )


def netspec(
    *arguments: str | Path, blocked: Collection[str] = (), text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command ``netspec``."""
    return python("-m", "netspec", *arguments, blocked=blocked, text=text)
