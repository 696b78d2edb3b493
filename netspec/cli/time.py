"""Time a network on this machine."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from netspec.cli.common import DEVICES, PRECISIONS, format_option, importing_torch, refuse, without_option
from netspec.cli.reading import read_net, reading_options, spec_argument
from netspec.cli.runs import exit_on_error

if TYPE_CHECKING:
    from netspec.cli.reading import Reading
    from netspec.ir.graph import Graph
    from netspec.ir.settings import Precision
    from netspec.timing.measure import Measured
    from netspec.timing.question import Question


@click.command()
@spec_argument
@click.option("--device", type=DEVICES, help="Where to compute [default: cuda if there is one].")
@click.option("--batch", type=click.IntRange(1, 2**20),
              help="Images of a step [default: the spec's; on the CPU 32 at most].")  # fmt: skip
@click.option("--precision", type=PRECISIONS, help="What layers compute in [default: the spec's].")
@click.option("--compare", type=click.Choice(["handwritten"]),
              help="Run the same network written by hand, in turns, and print the ratio.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1, 1000), default=5, show_default=True,
              help="Number of turns; the results are medians.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads that torch computes with [default: torch's].")
@click.option("--passes", is_flag=True, help="Measure instead what each optimising pass gains on this machine.")
@without_option
@format_option
@click.option("-q", "--quiet", is_flag=True, help="Leave out the rules of counting.")
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
    """Time training and inference on this machine, and every layer of a training step.

    For each layer it prints the forward and backward time, share, FLOPs, bytes, and the floor: the least time at the
    machine's measured speed. Images are random and lie on the device. Run it on a machine that does nothing else.

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
        from netspec.timing.question import Question, batch_for
        from netspec.train.config import device_for
        from netspec.train.errors import TrainError
        from netspec.train.requirements import require_trainable

    if passes and compare is not None:
        refuse("--passes compares the network with itself; leave --compare out")
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
        question = Question(where, images, precision or graph.train.precision, rounds, threads, without)
        if passes:
            _print_gains(graph, question, form)
        else:
            _print_times(measure(graph, question, peer), form, quiet)


def _print_times(result: Measured, form: str, quiet: bool) -> None:
    from netspec.report.terminal import show
    from netspec.timing.machine_readable import to_json
    from netspec.timing.tables import table
    from netspec.timing.work import RULE

    if form == "json":
        click.echo(to_json(result))
    else:
        show(table(result).without_notes(RULE) if quiet else table(result), sys.stdout)


def _print_gains(graph: Graph, question: Question, form: str) -> None:
    from netspec.report.terminal import show
    from netspec.timing.worth import as_data, worth_table, worths

    result = worths(graph, question)
    if form == "json":
        click.echo(json.dumps(as_data(graph, question, result), indent=1))
    else:
        show(worth_table(graph, question, result), sys.stdout)
