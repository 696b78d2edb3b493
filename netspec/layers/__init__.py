"""The layer types, one in each file. The name of the file is the word in a spec."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from netspec.lowering import LayerType


@functools.cache
def names() -> tuple[str, ...]:
    """Return the words for all layer types, in alphabetical order."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def all_types() -> tuple[LayerType, ...]:
    """Return all layer types, in alphabetical order."""
    return tuple(filter(None, map(find, names())))


@functools.cache
def find(word: str) -> LayerType | None:
    """Return the layer type of a word, or ``None``. Only the file of this type is imported."""
    if word not in names():
        return None
    layer_type = importlib.import_module(f"{__name__}.{word}").TYPE
    assert isinstance(layer_type, LayerType)
    return layer_type
