"""Time a network on this machine."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from netspec.cli.common import device_option, fail, format_option, importing_torch, precision_option, without_option
from netspec.cli.reading import read_net, reading_options, spec_argument
from netspec.cli.runs import exit_on_error

if TYPE_CHECKING:
    from netspec.cli.reading import Reading
    from netspec.ir.graph import Graph
    from netspec.ir.settings import Precision
    from netspec.timing.measure import Measured
    from netspec.timing.settings import TimingSettings


@click.command()
@spec_argument
@device_option
@click.option("--batch", type=click.IntRange(1, 2**20), metavar="N",
              help="Images per step [default: batch= of the spec; on the CPU at most 32].")  # fmt: skip
@precision_option
@click.option(
    "--compare",
    type=click.Choice(["handwritten"]),
    help="Alternate with a hand-written PyTorch module of the same network, and print the ratio.",
)
@click.option("--rounds", type=click.IntRange(1, 1000), default=5, show_default=True, metavar="N",
              help="Number of measurements; the results are their medians.")  # fmt: skip
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Threads that PyTorch computes with [default: its own choice].",
)
@click.option("--passes", is_flag=True, help="Measure instead how much time each optimising pass saves.")
@without_option
@format_option
@click.option("-q", "--quiet", is_flag=True, help="Omit the notes that explain the numbers.")
@reading_options
def command(
    file: str,
    device: str | None,
    batch: int | None,
    precision: Precision | None,
    compare: str | None,
    rounds: int,
    threads: int | None,
    passes: bool,
    without: tuple[str, ...],
    form: str,
    quiet: bool,
    reading: Reading,
) -> None:
    """Measure the speed of training and inference, and the time of each layer, on this machine.

    For each layer of a training step, the table has the forward and backward time, its share, FLOPs, bytes, and the
    floor: the least time possible at the measured speed of the machine. The images are random and already on the
    device. Run it on an otherwise idle machine.

    \b
    Examples:
      netspec time specs/alexnet.net --compare handwritten
      netspec time specs/alexnet.net --device cuda --batch 1024 --precision bf16
      netspec time specs/alexnet.net --passes
      netspec time specs/digits.net --format json
    """
    graph = read_net(file, reading).graph
    with importing_torch():
        from netspec.timing.handwritten import PEERS, peer_of
        from netspec.timing.measure import measure
        from netspec.timing.settings import TimingSettings
        from netspec.train.config import device_for
        from netspec.train.errors import TrainError
        from netspec.train.requirements import require_trainable
        from netspec.train.speed import batch_for

    if passes and compare is not None:
        fail("--passes compares the network with itself; leave --compare out")
    with exit_on_error():
        peer = peer_of(graph) if compare is not None else None
        if compare is not None and peer is None:
            raise TrainError(
                f"there is no hand-written network that does what {graph.name} does",
                f"there are those of {', '.join(p.spec for p in PEERS)}, with any number of classes",
            )
        where = device_for(device)
        images = batch or batch_for(graph, where)
        require_trainable(graph, images)
        settings = TimingSettings(where, images, precision or graph.train.precision, rounds, threads, without)
        if passes:
            _print_gains(graph, settings, form, quiet)
        else:
            _print_times(measure(graph, settings, peer), form, quiet)


def _print_times(result: Measured, form: str, quiet: bool) -> None:
    from netspec.report.terminal import show
    from netspec.timing.machine_readable import to_json
    from netspec.timing.tables import table
    from netspec.timing.work import RULE

    if form == "json":
        click.echo(to_json(result))
    else:
        show(table(result).without_notes(RULE) if quiet else table(result), sys.stdout)


def _print_gains(graph: Graph, settings: TimingSettings, form: str, quiet: bool) -> None:
    from netspec.report.terminal import show
    from netspec.timing.gains import as_data, explanations, gain_table, measure_gains

    result = measure_gains(graph, settings)
    if form == "json":
        click.echo(json.dumps(as_data(graph, settings, result), indent=1))
    else:
        table = gain_table(graph, settings, result)
        show(table.without_notes(explanations(settings, result)) if quiet else table, sys.stdout)
