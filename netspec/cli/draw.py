"""Draw a network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import fail, stem_of
from netspec.cli.reading import read_net, reading_options, spec_argument
from netspec.cli.writing import require_own_file, write_or_fail
from netspec.own_images import is_own_image

if TYPE_CHECKING:
    from netspec.cli.reading import Reading
    from netspec.draw import Figure
    from netspec.draw.theme import ThemeName

ENDINGS = (".svg", ".png")


@click.command()
@spec_argument
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    help="File to write, .svg or .png; - writes SVG to standard output [default: ./<name of the spec>.svg].",
)
@click.option(
    "--theme",
    type=click.Choice(["light", "dark", "auto"]),
    default="auto",
    show_default=True,
    help="Colours of the figure. With auto, an SVG follows the viewer's settings, and a PNG is light.",
)
@click.option("--costs", is_flag=True, help="Also show the numbers of weights and connections of each layer.")
@click.option("-q", "--quiet", is_flag=True, help="Do not print the name of the file written.")
@reading_options
def command(
    file: str,
    output: str | None,
    theme: ThemeName,
    costs: bool,
    quiet: bool,
    reading: Reading,
) -> None:
    """Draw a network as a figure: volumes to scale, GPU groups as parallel towers, connections between groups.

    A network that is wider than a landscape page continues in further rows. Files that netspec did not write are never
    overwritten.

    \b
    Examples:
      netspec draw specs/alexnet.net -o alexnet.svg
      netspec draw specs/alexnet.net -o alexnet.png --theme dark --costs
    """
    destination = output or f"{stem_of(file)}.svg"
    path = Path(destination)
    if destination != "-" and path.suffix.lower() not in ENDINGS:
        notes = (
            ("browsers, Inkscape and rsvg-convert turn an .svg into a PDF",) if path.suffix.lower() == ".pdf" else ()
        )
        fail(f"cannot draw {destination!r}: the file's name must end with {' or '.join(ENDINGS)}", *notes)
    if destination != "-":
        require_own_file(path, is_own_image)
    from netspec.draw import figure_of

    figure = figure_of(read_net(file, reading), costs=costs)
    data = _render(figure, theme, png=path.suffix.lower() == ".png")
    if destination == "-":
        sys.stdout.buffer.write(data)
        return
    write_or_fail({path: data})
    if not quiet:
        click.echo(f"wrote {destination}")


def _render(figure: Figure, theme: ThemeName, *, png: bool) -> bytes:
    if not png:
        from netspec.draw import to_svg

        return to_svg(figure, theme).encode()
    from netspec.draw.png import TooLarge, to_png

    try:
        return to_png(figure, theme)
    except TooLarge as error:
        fail(str(error))
