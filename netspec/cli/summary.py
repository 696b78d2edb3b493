"""Print the layer table of a spec."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from netspec.cli.common import fail
from netspec.cli.reading import read_net, reading_options, spec_argument

if TYPE_CHECKING:
    from netspec.cli.reading import Reading


@click.command()
@spec_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "csv", "json"]),
    default="table",
    show_default=True,
    help="Format of the table.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 2**31),
    metavar="N",
    help="Images counted in the memory column [default: batch= of the spec].",
)
@click.option("--im2col", is_flag=True, help="Show each convolution as a matrix product (im2col).")
@click.option("--per-gpu", is_flag=True, help="Show the share of each GPU group instead of the whole network.")
@click.option(
    "--learning",
    is_flag=True,
    help="Show the initial values, learning rate, momentum, decay and schedule of all weights and biases.",
)
@click.option(
    "--receptive-fields",
    "fields",
    is_flag=True,
    help="Show the receptive field of each layer: how much of the image a unit depends on.",
)
@click.option("-q", "--quiet", is_flag=True, help="Omit the notes that explain the numbers.")
@reading_options
def command(
    file: str,
    form: str,
    batch: int | None,
    im2col: bool,
    per_gpu: bool,
    learning: bool,
    fields: bool,
    quiet: bool,
    reading: Reading,
) -> None:
    """Print a table of the layers: output shape, units, weights, biases, connections, memory.

    \b
    Examples:
      netspec summary specs/alexnet.net
      netspec summary specs/alexnet.net --im2col --format markdown
      netspec summary specs/alexnet-2012.net --learning
      netspec summary specs/alexnet.net --receptive-fields
    """
    from netspec import report

    options = {"--im2col": im2col, "--per-gpu": per_gpu, "--learning": learning, "--receptive-fields": fields}
    tables = [name for name, requested in options.items() if requested]
    if len(tables) > 1 and form != "json":
        fail(f"{' and '.join(tables)} are {len(tables)} tables: ask for one of them, or for --format json")
    net = read_net(file, reading)
    images = batch or net.graph.train.batch
    if form == "json":
        click.echo(report.to_json(net, images, im2col=im2col, per_gpu=per_gpu, learning=learning, fields=fields))
        return
    style = report.BARE if form == "csv" else report.READABLE
    if im2col:
        table = report.im2col_table(net, style)
    elif per_gpu:
        table = report.per_gpu_table(net, images, style)
    elif learning:
        table = report.learning_table(net, style)
    elif fields:
        table = report.receptive_field_table(net)
    else:
        table = report.layer_table(net, images, style)
    if quiet:
        table = replace(table, notes=())
    if form == "table":
        from netspec.report.terminal import show

        show(table, sys.stdout)
    else:
        click.echo(report.markdown(table) if form == "markdown" else report.csv_text(table), nl=False)
