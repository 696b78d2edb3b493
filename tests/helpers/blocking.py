"""Making libraries impossible to import, however the import is written."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path


class Block:
    """An import finder that raises for blocked libraries. It must come first in ``sys.meta_path``."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = frozenset(names)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in self.names:
            raise ImportError(f"{name} is blocked")


def block(names: Collection[str]) -> None:
    """Block all modules of these libraries, and remove those already imported from ``sys.modules``."""
    blocked = Block(names)
    for name in [name for name in sys.modules if name.partition(".")[0] in blocked.names]:
        del sys.modules[name]
    sys.meta_path.insert(0, blocked)  # type: ignore[arg-type]


def sitecustomize(names: Collection[str]) -> str:
    """Return the text of a ``sitecustomize.py``, which Python runs on start, that blocks these libraries.

    It is the text of this file, with a call of ``block`` appended.
    """
    return f"{Path(__file__).read_text('utf-8')}\n\nblock({sorted(names)})\n"
