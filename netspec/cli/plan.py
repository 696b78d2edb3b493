"""Plan a training step on one, two or many devices."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from netspec.cli.amounts import AmountParam, DevicesParam, parse_bytes, parse_flops, parse_link
from netspec.cli.common import SPLITS, fail, format_option, precision_option, without_option
from netspec.cli.reading import read_net, reading_options, spec_argument
from netspec.plan import MAX_BATCH, MAX_DEVICES

if TYPE_CHECKING:
    from netspec.cli.reading import Reading
    from netspec.ir.settings import Precision
    from netspec.passes.placing import SplitWord


@click.command()
@spec_argument
@click.option(
    "--gpus",
    type=DevicesParam(MAX_DEVICES),
    metavar="N[,N...]",
    help="Number of devices, or several to compare [default: one for each GPU group].",
)
@click.option(
    "--split",
    type=SPLITS,
    help="How the devices share a step [default: groups if the spec has gpus, else batch; for several N, all].",
)
@click.option(
    "--batch",
    type=click.IntRange(1, MAX_BATCH),
    metavar="N",
    help="Images per step, over all devices [default: batch= of the spec].",
)
@precision_option
@click.option(
    "--memory",
    type=AmountParam(parse_bytes),
    metavar="3GB",
    help="Memory of each device; prints the largest batch that fits into it.",
)
@click.option(
    "--link",
    type=AmountParam(parse_link),
    metavar="25GB/s",
    help="Bandwidth of each device's link; together with --flops, adds times.",
)
@click.option(
    "--flops", type=AmountParam(parse_flops), metavar="400T", help="FLOPs per second that each device reaches."
)
@format_option
@click.option("-q", "--quiet", is_flag=True, help="Omit the notes that explain the numbers.")
@without_option
@reading_options
def command(
    file: str,
    gpus: tuple[int, ...] | None,
    split: SplitWord | None,
    batch: int | None,
    precision: Precision | None,
    memory: float | None,
    link: float | None,
    flops: float | None,
    form: str,
    quiet: bool,
    without: tuple[str, ...],
    reading: Reading,
) -> None:
    """Compute the memory, communication and time of a training step on each device.

    For one number of devices, the tables list what each device stores and every exchange between devices. For several,
    there is one row for each number and split. With --link and --flops, the output also has the time of a step and the
    fastest split for each batch size.

    \b
    Examples:
      netspec plan specs/alexnet.net --gpus 2
      netspec plan specs/alexnet.net --gpus 2 --memory 3GB
      netspec plan specs/alexnet.net --gpus 1,2,4,8,64 --link 25GB/s --flops 400T
    """
    if (link is None) != (flops is None):
        fail("times need both: --link 25GB/s --flops 400T")
    graph = read_net(file, reading).graph
    from netspec.passes.placing import ArrangementError
    from netspec.plan.results import PlanRequest, plan_for
    from netspec.plan.scaling import Machine

    machine = Machine(flops, link) if link is not None and flops is not None else None
    request = PlanRequest(
        gpus or (graph.groups,),
        split,
        batch or graph.train.batch,
        precision or graph.train.precision,
        int(memory) if memory is not None else None,
        machine,
        without,
    )
    try:
        result = plan_for(graph, request)
    except ArrangementError as wrong:
        fail(wrong.message, *wrong.notes)
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    if form == "json":
        from netspec.plan.machine_readable import to_json

        click.echo(to_json(result))
        return
    from netspec.cli.plan_tables import RULES, tables
    from netspec.report.terminal import show

    for i, table in enumerate(tables(result)):
        if i:
            click.echo()
        show(table.without_notes(RULES) if quiet else table, sys.stdout)
