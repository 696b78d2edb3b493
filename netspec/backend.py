"""The backends, found by folder: every package inside ``netspec.backends`` is one, and its folder's name is its name.

A backend turns a ``Graph`` into something that computes. It imports nothing of its siblings, and what it needs beyond
netspec itself (numpy, torch, jinja2) is imported only when it is loaded.

What a spec can be compiled to is found the same way: a backend with a file ``target.py`` has a ``TARGET`` in it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PACKAGE = "netspec.backends"


@dataclass(frozen=True, slots=True)
class Target:
    """What a backend compiles a spec to, in the words of the command line.

    Finding the targets imports every backend that has one, so the package of such a backend imports what is heavy only
    inside ``make``.
    """

    word: str
    """As ``--to`` is told."""
    doc: str
    """What comes out, in one line."""
    ending: str
    """Of the file that is written, ``.py``; empty where it is a folder of several files."""
    make: Callable[..., Mapping[str, str | bytes]]
    """``make(net, stem, **options)``: the files' contents by name, a single file under any name. ``stem`` is the name
    of the file or folder without its ending. Raises ``SpecError`` where the target cannot say what the spec says."""
    ours: Callable[[Path], bool]
    """Whether netspec wrote a file, which may then be overwritten. Raises ``OSError``."""
    options: tuple[str, ...] = ()
    """Which of the command's further options ``make`` takes: ``weights``, a ``Trained``; ``seed``; ``losses``, whether
    they are outputs."""
    extra: str = ""
    """The extra of the distribution that ``make`` needs, if any."""


@dataclass(frozen=True, slots=True)
class Trained:
    """Weights that a target is given instead of the spec's initial values."""

    arrays: Mapping[str, NDArray[np.float32]]
    """By the parameters' keys; batch normalisations' ``LAYER.running_mean`` and ``LAYER.running_var`` among them."""
    facts: Mapping[str, str]
    """What is known of them, texts by name."""


def begins_with(first_line: str) -> Callable[[Path], bool]:
    """A ``Target.ours`` for text: whether a file's first line is this one."""

    def ours(path: Path) -> bool:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline(len(first_line) + 1).rstrip("\n") == first_line

    return ours


def available() -> tuple[str, ...]:
    """The names that ``load`` takes, in alphabetical order. Imports none of them."""
    folders = import_module(PACKAGE).__path__
    return tuple(sorted(found.name for found in pkgutil.iter_modules(folders) if found.ispkg))


@cache  # a step of a training asks for it for every layer, and each time the folders would be looked through
def load(name: str) -> ModuleType:
    """Import a backend: ``load("reference").run(graph, weights, images)``.

    Raises
    ------
    ValueError
        There is no backend of this name.
    ImportError
        A library that the backend needs is not installed.
    """
    if name not in available():
        raise ValueError(f"there is no backend {name!r}; there are {', '.join(available())}")
    return import_module(f"{PACKAGE}.{name}")


def targets() -> dict[str, Target]:
    """What a spec can be compiled to, by the words for it; ``python``, the usual one, first."""
    folders = [Path(folder) for folder in import_module(PACKAGE).__path__]
    names = [name for name in available() if any((folder / name / "target.py").is_file() for folder in folders)]
    found: list[Target] = [import_module(f"{PACKAGE}.{name}.target").TARGET for name in names]
    return {target.word: target for target in sorted(found, key=lambda target: (target.word != "python", target.word))}
