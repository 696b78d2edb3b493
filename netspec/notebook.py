"""What a notebook shows of a network: its table and its figure, as texts that Jupyter displays formatted."""

from __future__ import annotations

from netspec.draw import figure_of, to_svg
from netspec.net import Net
from netspec.report import READABLE, layer_table, markdown


class Markdown(str):
    """A text in Markdown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return str(self)


class Svg(str):
    """A figure as an SVG document."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<SVG of {len(self):,} characters>"

    def _repr_svg_(self) -> str:
        return str(self)


def table(net: Net, batch: int) -> Markdown:
    """Return the layer table. Its memory is that of ``batch`` images."""
    return Markdown(markdown(layer_table(net, batch, READABLE)))


def figure(net: Net, *, costs: bool = False) -> Svg:
    """Return the figure. With ``costs``, each layer also has its numbers of weights and connections."""
    return Svg(to_svg(figure_of(net, costs=costs)))
