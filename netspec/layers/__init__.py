"""The layer types: one file each, whose name is the word in a spec."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from netspec.lowering import LayerType


@functools.cache
def names() -> tuple[str, ...]:
    """The words that may stand as a layer's type, in alphabetical order."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


@functools.cache
def find(word: str) -> LayerType | None:
    """The layer type of a word, or ``None``. Only the named type's file is imported."""
    if word not in names():
        return None
    found = importlib.import_module(f"{__name__}.{word}").TYPE
    assert isinstance(found, LayerType)
    return found
