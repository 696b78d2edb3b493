"""A network of one linear layer, for tests of data sources."""

from __future__ import annotations

import dataclasses

from building import Builder

from netspec.ir.graph import Graph
from netspec.ir.ops import Linear
from netspec.ir.settings import Augment


def linear_network(*shape: int, classes: int = 10, **augment: int) -> Graph:
    """Return the graph of a network with this input shape. ``augment`` are the settings of its augment line."""
    builder = Builder()
    builder.add("fc", Linear(classes), builder.input(*shape))
    return dataclasses.replace(builder.graph(), augment=Augment(**augment))  # type: ignore[arg-type]
