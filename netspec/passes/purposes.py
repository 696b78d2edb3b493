"""The purposes of the random numbers that prepare training images: each has a number, and numbers of its own.

The trainer (``netspec.train.counter_rng``) and the generated program draw by the same ones.
"""

from __future__ import annotations

from typing import Final

ORDER: Final = 0
TOP: Final = 1
LEFT: Final = 2
MIRROR: Final = 3
COLOUR: Final = 4
"""Two for each channel."""
JITTER: Final = 32
"""One for each of four changes, and so for their order."""
JITTER_ORDER: Final = 36
MIXED: Final = 48
"""Two, drawn for a step, as are those to ``BOX_COLUMN``; all others are drawn for an image."""
MIX_WORD: Final = 50
BOX_ROW: Final = 51
BOX_COLUMN: Final = 52
SIDE: Final = 64
AREA: Final = 66
"""Two for each of ``TRIES``, and so for ``ERASED_AREA``."""
ERASES: Final = 96
ERASED_ROW: Final = 97
ERASED_COLUMN: Final = 98
ERASED_AREA: Final = 100
POLICY: Final = 128
"""Three for each of at most ``MOST_OPERATIONS``."""
ERASED_WITH: Final = 1024
"""Two for each number with which a part is erased: the last purpose."""

TRIES: Final = 10
"""How often a rectangle of drawn area and ratio of sides is drawn, until it fits."""
