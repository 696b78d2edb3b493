"""``--to python``."""

from __future__ import annotations

from netspec.backend import Target, begins_with
from netspec.net import Net

from .program import FIRST_LINE, emit


def make(net: Net, stem: str) -> dict[str, str]:
    """Return the program. ``stem`` is its file name without ``.py``. Raises ``SpecError`` if only training images say
    how much classes weigh."""
    net.require_class_weights()
    return {f"{stem}.py": emit(net.graph, stem=stem, spec=net.source.text)}


TARGET = Target(
    "python",
    "one Python file that builds, trains and tests the network; it needs only PyTorch, and Pillow to read images",
    ".py",
    make,
    begins_with(FIRST_LINE),
)
