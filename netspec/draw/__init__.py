"""Networks as figures, after figure 2 of Krizhevsky, Sutskever & Hinton (2012).

A network becomes blocks (:mod:`netspec.draw.blocks`), blocks are laid into columns, rows and towers, and the layout
becomes marks, which SVG and PNG draw each in their own way.
"""

from netspec.draw.compose import figure_of
from netspec.draw.marks import Figure
from netspec.draw.svg import to_svg

__all__ = ["Figure", "figure_of", "to_svg"]
