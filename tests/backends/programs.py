"""Generated programs as modules, and as processes that cannot import netspec."""

from __future__ import annotations

import runpy
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from subprocess import CompletedProcess
from types import ModuleType
from typing import Any

import pytest
import warm
from processes import python

from netspec import backend
from netspec.ir.graph import Graph

BLOCKED = ("netspec", "jinja2", "lark", "click", "rich", "torchvision")
"""Libraries that a generated program must not import."""


def write_program(graph: Graph, folder: Path, stem: str = "program", spec: str = "") -> Path:
    """Write the program of a graph to ``folder/stem.py``, and return this path."""
    path = folder / f"{stem}.py"
    path.write_text(backend.load("source").emit(graph, stem=stem, spec=spec), encoding="utf-8")
    return path


def import_program(path: Path) -> ModuleType:
    """Import a program as a module, without running its ``main``."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_program(graph: Graph, folder: Path) -> ModuleType:
    """Write a graph's program, and import it as a module."""
    return import_program(write_program(graph, folder))


def run(
    path: Path, *arguments: str | Path, blocked: tuple[str, ...] = BLOCKED, cold: bool = False
) -> CompletedProcess[str]:
    """Run a program on one thread in a separate process that cannot import the ``blocked`` libraries.

    With ``cold``, the process starts from scratch instead of being forked from one that has imported torch.
    """
    start = python if cold or not warm.HERE else warm.run
    return start(path, "--threads", "1", *arguments, blocked=blocked)


class RunHere:
    """Runs programs in the tests' own process, so that they need not import torch again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, path: Path, *arguments: str | Path) -> CompletedProcess[str]:
        self._capsys.readouterr()
        command = [str(path), "--threads", "1", *map(str, arguments)]
        self._monkeypatch.setattr(sys, "argv", command)
        code: object = 0
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as end:
            code = end.code
        out, err = self._capsys.readouterr()
        if isinstance(code, str):
            return CompletedProcess(command, 1, out, f"{err}{code}\n")
        assert isinstance(code, int)
        return CompletedProcess(command, code, out, err)


def optimiser_class(program: ModuleType) -> Any:
    """Return the class of a program's update rule."""
    (name,) = {"SGD", "Adam", "AdamW", "RMSProp", "AdaGrad", "AdaDelta", "LARS", "LAMB"} & vars(program).keys()
    return vars(program)[name]


def network_class(program: ModuleType) -> Any:
    """Return the class of a program's network."""
    (network,) = (
        value
        for value in vars(program).values()
        if isinstance(value, type) and hasattr(value, "state_dict") and value.__name__ not in ("Tensors", "Module")
    )
    return network
