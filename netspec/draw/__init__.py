"""Networks as figures, after figure 2 of Krizhevsky, Sutskever & Hinton (2012).

A network is turned into blocks (:mod:`netspec.draw.blocks`), the blocks are laid out in columns, rows and towers, and
the layout is turned into drawing primitives (:mod:`netspec.draw.marks`), which are rendered as SVG or PNG.
"""

from netspec.draw.compose import figure_of
from netspec.draw.marks import Figure
from netspec.draw.svg import to_svg

__all__ = ["Figure", "figure_of", "to_svg"]
