"""Print the layer table of a spec."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from netspec.cli.common import fail, name_of
from netspec.cli.reading import read_nets, reading_options, specs_argument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netspec import report
    from netspec.cli.reading import Reading
    from netspec.net import Net


@click.command()
@specs_argument
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
    help="Images counted in the memory column [default: batch= of the spec; 1 if there are several].",
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
    files: tuple[str, ...],
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

    Several specs are compared: the table has a row for each, with its totals, and --format json a list.

    \b
    Examples:
      netspec summary specs/alexnet.net
      netspec summary specs/alexnet.net --im2col --format markdown
      netspec summary specs/alexnet-2012.net --learning
      netspec summary specs/alexnet.net --receptive-fields
      netspec summary specs/alexnet.net specs/caffenet.net
    """
    from netspec import report

    special = {"--im2col": im2col, "--per-gpu": per_gpu, "--learning": learning, "--receptive-fields": fields}
    tables = [name for name, requested in special.items() if requested]
    if len(tables) > 1 and form != "json":
        fail(f"{' and '.join(tables)} are {len(tables)} tables: ask for one of them, or for --format json")
    if tables and len(files) > 1 and form != "json":
        fail(f"{tables[0]} is a table of one spec's layers, and there are {len(files)} specs")
    nets = read_nets(files, reading)
    if form == "json":
        options = {"im2col": im2col, "per_gpu": per_gpu, "learning": learning, "fields": fields}
        texts = [report.to_json(net, batch or net.graph.train.batch, **options) for net in nets]
        click.echo(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
        return
    style = report.BARE if form == "csv" else report.READABLE
    if len(nets) > 1:
        table = report.network_table(list(zip(map(name_of, files), nets, strict=True)), batch or 1, style)
    else:
        table = _layers(nets[0], batch or nets[0].graph.train.batch, style, tables)
    if quiet:
        table = replace(table, notes=())
    if form == "table":
        from netspec.report.terminal import show

        show(table, sys.stdout)
    else:
        click.echo(report.markdown(table) if form == "markdown" else report.csv_text(table), nl=False)


def _layers(net: Net, batch: int, style: report.Style, requested: Sequence[str]) -> report.Table:
    """Return the table of one network's layers that an option requested, or the table of layers."""
    from netspec import report

    match requested:
        case ["--im2col"]:
            return report.im2col_table(net, style)
        case ["--per-gpu"]:
            return report.per_gpu_table(net, batch, style)
        case ["--learning"]:
            return report.learning_table(net, style)
        case ["--receptive-fields"]:
            return report.receptive_field_table(net)
    return report.layer_table(net, batch, style)
