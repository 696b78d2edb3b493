"""Compile a graph to one standalone Python program that needs only torch, and Pillow to read images.

jinja2 templates contain the program's text; the modules of this package compute their variables. torch is not needed.
"""

from .names import global_names
from .ops import EXPRESSIONS
from .program import FIRST_LINE, emit

__all__ = ["EXPRESSIONS", "FIRST_LINE", "emit", "global_names"]
