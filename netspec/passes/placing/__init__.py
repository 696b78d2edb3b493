"""Placement of a checked graph on several devices: what each device holds, and what is transferred between them.

``arrangement`` chooses how the devices are used, ``shares`` divides an operation into shares, and ``placed`` combines
these.
"""

from netspec.passes.placing.arrangement import (
    SPLITS,
    Arrangement,
    ArrangementError,
    SplitWord,
    arrange,
    require_equal_parts,
    share_batch,
)
from netspec.passes.placing.placed import Placed, PlacedLayer, Sharding, Transfer, local_graph, place_on_devices
from netspec.passes.placing.shares import share_of

__all__ = [
    "SPLITS",
    "Arrangement",
    "ArrangementError",
    "Placed",
    "PlacedLayer",
    "Sharding",
    "SplitWord",
    "Transfer",
    "arrange",
    "local_graph",
    "place_on_devices",
    "require_equal_parts",
    "share_batch",
    "share_of",
]
