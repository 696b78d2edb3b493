"""Look at training data before training on it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from netspec.cli.common import DEVICES, WRONG_SPEC, format_option, processes_option
from netspec.cli.reading import read_net, reading_options
from netspec.cli.runs import exit_on_error
from netspec.formatting import printable

if TYPE_CHECKING:
    from netspec.cli.reading import Reading
    from netspec.ir.graph import Graph
    from netspec.train.data.packing.report import Findings, Speeds
    from netspec.train.data.splits import Data


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option(
    "--net", "file", metavar="FILE", help="Check that the data suit this network, and measure its training speed."
)
@click.option("--device", type=DEVICES, help="Device to measure on [default: cuda if available, else cpu].")
@processes_option
@format_option
@click.option("--strict", is_flag=True, help="Treat warnings as errors: exit with 1 if there are any.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@reading_options
def command(
    source: str,
    file: str | None,
    device: str | None,
    processes: int | None,
    form: str,
    strict: bool,
    quiet: bool,
    reading: Reading,
) -> None:
    """Check training data: classes, counts, sizes, unreadable files, duplicates and reading speed.

    SOURCE is the same as for the option --data of netspec train. Every image is decoded. Files with identical bytes are
    reported as warnings: within a class, in two classes, or in training and validation. Of images with masks, the
    pixels of each class are counted.

    The exit code is 1 if an image or mask cannot be read, if a class has no readable image or does not exist, or, with
    --net, if the classes or the image size do not suit the network.

    \b
    Examples:
      netspec check-data photos/
      netspec check-data photos/ --net specs/alexnet-tiny.net --set fc8.outputs=12
    """
    graph = read_net(file, reading).graph if file is not None else None
    with exit_on_error():
        from netspec.train.data.cores import cores_available
        from netspec.train.data.packing.report import as_json, as_text, judge
        from netspec.train.data.packing.survey import survey
        from netspec.train.reporting.progress import Counter
        from netspec.train.requirements import require_trainable

        if graph is not None:
            require_trainable(graph, graph.train.batch)
        data, mismatch = _open(source, graph)
        total = sum(len(split.labels) for split in data.splits.values())
        cores = processes or cores_available()
        with Counter("looking", total, quiet=quiet) as counter:
            survey_result = survey(data, cores, counter.update)
        # A training would end at the first mask with a class that does not exist, and so would a measurement.
        measured = not survey_result.beyond and not survey_result.unknown_colours
        speeds = _speeds(data, graph if mismatch is None else None, device, cores, measured=measured)
        findings: Findings = judge(survey_result, mismatch)
    if form == "json":
        click.echo(json.dumps(as_json(survey_result, findings, speeds), indent=2))
    else:
        for line in as_text(survey_result, findings, speeds):
            click.echo(printable(line))
    if findings.errors or (strict and findings.warnings):
        sys.exit(WRONG_SPEC)


def _open(source: str, graph: Graph | None) -> tuple[Data, str | None]:
    """Open the data source, for the network if one is given.

    Returns the data, and the reason why it does not suit the network (``None`` if it does).
    """
    from netspec.train.data.source import open_data, open_source
    from netspec.train.errors import RequestError, TrainError

    if graph is None:
        return open_data(source, allow_empty=True), None
    try:
        return open_source(source, graph, seed=0, allow_empty=True), None
    except RequestError:
        raise
    except TrainError as problem:
        try:
            data = open_data(source, allow_empty=True)
        except TrainError:
            raise problem from None  # the source itself is broken, whatever the network
        return data, "; ".join((problem.message, *problem.notes))


def _speeds(data: Data, graph: Graph | None, device: str | None, workers: int, *, measured: bool) -> Speeds:
    from netspec.train.config import device_for
    from netspec.train.data.packing.report import Speeds
    from netspec.train.speed import MAX_CPU_BATCH, reading, training

    chosen = device_for(device)
    if not measured:
        return Speeds(None, None, chosen, workers)
    batch = min(graph.train.batch if graph is not None else MAX_CPU_BATCH, len(data.train.labels))
    read = reading(data, graph, workers, batch)
    return Speeds(read, training(graph, chosen) if graph is not None else None, chosen, workers)
