"""Commands as a reader types them, and what they print."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def typed(body: str, folder: Path) -> str:
    """The commands of a console block, ``$ COMMAND``, run in a folder: each with what it prints now."""
    commands = [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")]
    return "".join(f"$ {command}\n{printed(['bash', '-c', command], folder)}" for command in commands)


def printed(command: list[str], folder: Path) -> str:
    """What a command prints, standard error included, on a machine without a GPU."""
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
