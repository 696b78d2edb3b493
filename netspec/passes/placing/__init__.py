"""From a checked graph and a number of devices to who holds what, and what has to cross between them.

`arrangement` chooses how devices are used, `held` says how a value lies over them, `shares` what an operation reads
and becomes where it is computed in shares, `placed` puts them together.
"""

from netspec.passes.placing.arrangement import SPLITS, Arrangement, ArrangementError, SplitWord, arrange
from netspec.passes.placing.held import Held, Transfer
from netspec.passes.placing.local import local_graph
from netspec.passes.placing.placed import Placed, PlacedLayer, place
from netspec.passes.placing.shares import rows_of, share_of, share_of_shape

__all__ = [
    "SPLITS",
    "Arrangement",
    "ArrangementError",
    "Held",
    "Placed",
    "PlacedLayer",
    "SplitWord",
    "Transfer",
    "arrange",
    "local_graph",
    "place",
    "rows_of",
    "share_of",
    "share_of_shape",
]
