"""Shared by the scripts of docs/results.md: running netspec as a user does, and describing the environment."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Work:
    """A running script. It and its commands run in the repository's root; ``out`` is its new output folder."""

    options: argparse.Namespace
    out: Path
    started: float = field(default_factory=time.perf_counter)

    @classmethod
    def begin(cls, parser: argparse.ArgumentParser, out: str) -> Work:
        """Parse the command line, change to the repository's root and make the folder. Exits with 2 if it exists."""
        parser.add_argument("--out", type=Path, default=Path(out), help=f"a new folder; {out} unless told")
        options = parser.parse_args()
        os.chdir(ROOT)
        try:
            options.out.mkdir(parents=True)
        except FileExistsError:
            parser.error(f"{options.out} exists: remove it, or name another folder with --out")
        return cls(options, options.out)

    def on_what(self, run: Path) -> str:
        """Return a line with the versions and threads of a run, and the time since the script started."""
        facts = json.loads((run / "run.json").read_text("utf-8"))
        versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
        seconds = time.perf_counter() - self.started
        return f"{versions}; threads: {facts['threads']}, {platform.machine()}; {seconds:.0f} s in all"


def netspec(*arguments: str | Path, stdin: str | None = None) -> None:
    """Print a ``netspec`` command as a user types it, run it, and print its output.

    If the command fails, exits with its exit code.
    """
    words = [str(argument) for argument in arguments]
    print("$ netspec", *words, flush=True)
    done = subprocess.run([sys.executable, "-m", "netspec", *words], input=stdin, stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="", flush=True)
    if done.returncode:
        sys.exit(done.returncode)


def last_validation(run: Path) -> dict[str, Any]:
    """Return the last validation in a run's ``metrics.jsonl``: ``step``, ``val_loss``, ``top1``, ``val_images`` ..."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    validation: dict[str, Any] = next(line for line in reversed(lines) if "top1" in line)
    return validation
