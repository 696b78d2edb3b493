"""A graph as one standalone Python program that needs torch, and Pillow to read images.

The program is written by jinja2 templates; what they are given is worked out beside them, without torch.
"""

from .names import GLOBALS
from .ops import EXPRESSIONS
from .program import FIRST_LINE, emit

__all__ = ["EXPRESSIONS", "FIRST_LINE", "GLOBALS", "emit"]
