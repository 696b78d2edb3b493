"""The README's commands and outputs: found, run, and put back. ``python tests/helpers/readme.py`` writes it anew."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from places import ROOT

README = ROOT / "README.md"

_BLOCK = re.compile(r"<!-- (run|output|file: \S+) -->\n```(\w*)\n(.*?)```\n", re.DOTALL)
_MEASURED = re.compile(r"[\d,.]+ images/s|\d+ % waiting|(?<=loss )[\d.e-]+|(?<=top-[15] )[\d.]+|\d\.\de[-+]\d\d")
"""What depends on the clock, or on the machine's number of cores and its way of rounding."""


def fresh(text: str) -> str:
    """The README with every block as it comes out now: files copied in, commands and programs run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "specs", folder / "specs")
        pieces: list[str] = []
        printed, done = "", 0
        for block in _BLOCK.finditer(text):
            what, kind, body = block.groups()
            if what.startswith("file: "):
                body = (ROOT / what.removeprefix("file: ")).read_text()
            elif what == "output":
                body = printed
            elif kind == "console":
                body = "".join(f"$ {command}\n{_run(['bash', '-c', command], folder)}" for command in _commands(body))
            else:
                printed = _run([sys.executable, "-c", body], folder)
            pieces += [text[done : block.start(3)], body]
            done = block.end(3)
        return "".join([*pieces, text[done:]])


def _commands(body: str) -> list[str]:
    return [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")]


def _run(command: list[str], folder: Path) -> str:
    """What a command prints, standard error included."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    lines = [line.rstrip() for line in done.stdout.rstrip("\n").splitlines()]
    return "".join(f"{line}\n" for line in lines)


def without_measurements(text: str) -> str:
    """The text with everything that another machine measures differently as dots."""
    return _MEASURED.sub("...", text)


if __name__ == "__main__":
    README.write_text(fresh(README.read_text()))
