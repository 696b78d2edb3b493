"""Find and load backends: every package inside ``netspec.backends`` is one, named after its folder.

A backend turns a ``Graph`` into something that computes. It imports none of the other backends. Libraries that only it
needs (numpy, torch, jinja2) are imported when it is loaded.

A backend to which specs can be compiled has a file ``target.py`` with a ``TARGET`` in it.
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
    """A target of ``netspec compile``.

    Finding the targets imports every backend that has one, so such a backend must import heavy libraries only inside
    ``make``.
    """

    word: str
    """The value of ``--to``."""
    doc: str
    """What the target writes, in one line."""
    ending: str
    """The ending of the file that is written, for example ``.py``; empty for a folder of several files."""
    make: Callable[..., Mapping[str, str | bytes]]
    """``make(net, stem, **options)`` returns the contents of the files by name (a single file under any name). ``stem``
    is the name of the file or folder without its ending. Raises ``SpecError`` if the target cannot express the spec."""
    ours: Callable[[Path], bool]
    """Whether netspec wrote this file, so that it may be overwritten. Raises ``OSError``."""
    options: tuple[str, ...] = ()
    """The options of the command that ``make`` takes: ``weights`` (a ``Trained``), ``seed``, ``losses`` (whether losses
    are outputs)."""
    extra: str = ""
    """The extra of the distribution that ``make`` needs, if any."""


@dataclass(frozen=True, slots=True)
class Trained:
    """Trained weights, which a target uses instead of the spec's initial values."""

    arrays: Mapping[str, NDArray[np.float32]]
    """Arrays by parameter key, and ``LAYER.running_mean`` and ``LAYER.running_var`` of batch normalisations."""
    facts: Mapping[str, str]
    """Metadata on the weights, as texts by name."""


def begins_with(first_line: str) -> Callable[[Path], bool]:
    """Return a ``Target.ours`` for text files, which tests whether the first line of a file is this one."""

    def ours(path: Path) -> bool:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline(len(first_line) + 1).rstrip("\n") == first_line

    return ours


def available() -> tuple[str, ...]:
    """Return the names of all backends, in alphabetical order, without importing them."""
    folders = import_module(PACKAGE).__path__
    return tuple(sorted(module.name for module in pkgutil.iter_modules(folders) if module.ispkg))


@cache  # training calls this for every layer in every step, and it lists the folders
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
    """Return all targets by word, with the default, ``python``, first."""
    folders = [Path(folder) for folder in import_module(PACKAGE).__path__]
    names = [name for name in available() if any((folder / name / "target.py").is_file() for folder in folders)]
    all_targets: list[Target] = [import_module(f"{PACKAGE}.{name}.target").TARGET for name in names]
    all_targets.sort(key=lambda target: (target.word != "python", target.word))
    return {target.word: target for target in all_targets}
