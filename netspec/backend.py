"""The backends, found by folder: every package inside ``netspec.backends`` is one, and its folder's name is its name.

A backend turns a ``Graph`` into something that computes. It imports nothing of its siblings, and what it needs beyond
netspec itself (numpy, torch, jinja2) is imported only when it is loaded.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType

PACKAGE = "netspec.backends"


def available() -> tuple[str, ...]:
    """The names that ``load`` takes, in alphabetical order. Imports none of them."""
    folders = import_module(PACKAGE).__path__
    return tuple(sorted(found.name for found in pkgutil.iter_modules(folders) if found.ispkg))


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
