"""Generated programs as modules, and as processes in which netspec cannot be imported."""

from __future__ import annotations

import runpy
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import warm
from processes import python

from netspec import backend
from netspec.ir.graph import Graph

BLOCKED = ("netspec", "jinja2", "lark", "click", "rich", "torchvision")
"""What a program must do without."""


def written(graph: Graph, folder: Path, stem: str = "program", spec: str = "") -> Path:
    """The program of a graph, in a file."""
    path = folder / f"{stem}.py"
    path.write_text(backend.load("source").emit(graph, stem=stem, spec=spec), encoding="utf-8")
    return path


def imported(path: Path) -> ModuleType:
    """A program as a module; its ``main`` does not run."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(graph: Graph, folder: Path) -> ModuleType:
    """A graph's program as a module."""
    return imported(written(graph, folder))


def run(
    path: Path, *arguments: str | Path, blocked: tuple[str, ...] = BLOCKED, cold: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, on one thread, without what it must do without."""
    start = python if cold or not warm.HERE else warm.run
    return start(path, "--threads", "1", *arguments, blocked=blocked)


@dataclass(frozen=True)
class Ended:
    """How a program ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


class Here:
    """Runs programs inside the tests' own process, which spares each of them importing torch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, path: Path, *arguments: str | Path) -> Ended:
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", [str(path), "--threads", "1", *map(str, arguments)])
        code: object = 0
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as end:
            code = end.code
        text = self._capsys.readouterr()
        if isinstance(code, str):
            return Ended(1, text.out, f"{text.err}{code}\n")
        assert isinstance(code, int)
        return Ended(code, text.out, text.err)


def network(module: ModuleType) -> Any:
    """The class of a program's network."""
    (found,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and hasattr(value, "state_dict") and value.__name__ not in ("Tensors", "Module")
    )
    return found
