"""Running the commands in console blocks of the documentation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run_block(body: str, folder: Path) -> str:
    """Run the ``$ COMMAND`` lines of a console block in a folder, and return the block with their current output."""
    commands = [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")]
    return "".join(f"$ {command}\n{output_of(['bash', '-c', command], folder)}" for command in commands)


def output_of(command: list[str], folder: Path) -> str:
    """Run a command with GPUs hidden, and return its standard output and standard error together."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.rstrip("\n").splitlines())
