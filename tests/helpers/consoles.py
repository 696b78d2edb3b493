"""Running the commands in console blocks of the documentation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import torch
from processes import invoke

_NETSPEC = re.compile(r"netspec ([^|<>;&$`'\"~\\]+?)( 2>/dev/null)?(?: \| (.*))?")
"""A command that runs netspec and nothing else but what reads its output."""


def run_block(body: str, folder: Path) -> str:
    """Run the ``$ COMMAND`` lines of a console block in a folder, and return the block with their current output."""
    commands = [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")]
    return "".join(f"$ {command}\n{_output_of_line(command, folder)}" for command in commands)


def _output_of_line(command: str, folder: Path) -> str:
    """Run a line of a shell. netspec runs in this process, without a start of Python, unless it would find a GPU."""
    match = _NETSPEC.fullmatch(command)
    if match is None or torch.cuda.is_available():
        return output_of(["bash", "-c", command], folder)
    words, quiet, reader = match.groups()
    with chdir(folder):
        done = invoke(*(name for word in words.split() for name in _expanded(word)))
    if reader is None:
        return _lines(done.stdout if quiet else done.output)
    return _lines("" if quiet else done.stderr) + output_of(["bash", "-c", reader], folder, done.stdout)


def _expanded(word: str) -> list[str]:
    """Return a word as a shell would pass it on: the names of the files that it stands for, or itself."""
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


def output_of(command: list[str], folder: Path, text: str = "") -> str:
    """Run a command with GPUs hidden, with ``text`` on its standard input. Return its standard output and standard
    error together."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "CUDA_VISIBLE_DEVICES": ""},
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return _lines(done.stdout)


def _lines(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.rstrip("\n").splitlines())
