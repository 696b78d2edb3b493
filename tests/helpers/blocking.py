"""Libraries that cannot be imported, however the import is written."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path


class Block:
    """What finds a blocked library before all others do, and raises."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = frozenset(names)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in self.names:
            raise ImportError(f"{name} is blocked")


def block(names: Collection[str]) -> None:
    """From now on no module of these libraries can be imported; those that were are forgotten."""
    blocked = Block(names)
    for name in [name for name in sys.modules if name.partition(".")[0] in blocked.names]:
        del sys.modules[name]
    sys.meta_path.insert(0, blocked)  # type: ignore[arg-type]


def sitecustomize(names: Collection[str]) -> str:
    """The text of a file that Python runs before anything else, where it is called ``sitecustomize.py``: blocks them.

    It is this file's own, with a call at its end.
    """
    return f"{Path(__file__).read_text('utf-8')}\n\nblock({sorted(names)})\n"
