"""Test a trained network, or the average of several."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from netspec.cli.common import device_option, fail, format_option, importing_torch
from netspec.cli.eval_files import STDOUT, require_outputs, write_outputs
from netspec.cli.eval_results import as_data, as_text, class_table
from netspec.cli.reading import read_net, reading_options
from netspec.cli.runs import Unread, exit_on_error, names_data, note_printer, require_existing, warn
from netspec.cli.trained import require_spec, views_option, with_weights
from netspec.source import names_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netspec.cli.reading import Reading
    from netspec.ir.settings import Views
    from netspec.net import Net
    from netspec.train.evaluation.masks.outcome import PixelOutcome
    from netspec.train.evaluation.outcome import Counted, Outcome
    from netspec.train.evaluation.tested import EvaluationSettings, SplitName
    from netspec.train.runs.saved import Saved


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--data", metavar="SOURCE", help="Data to test on, as for netspec train [default: the data of the run].")
@click.option("--split", type=click.Choice(["validation", "train", "all"]), default="validation", show_default=True,
              help="Images to test on.")  # fmt: skip
@views_option
@click.option(
    "--weights",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Use the weights in this run, checkpoint, .safetensors or .pth file in the network of RUN.",
)
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    metavar="N",
    help="Images, or crops of whole ones, processed at a time [default: batch= of the spec].",
)
@device_option
@format_option
@click.option("--confusion", metavar="OUT.png", type=click.Path(path_type=Path),
              help="Draw the confusion matrix into this file (needs matplotlib).")  # fmt: skip
@click.option("--mistakes", metavar="OUT.csv", type=click.Path(path_type=Path),
              help="List the wrongly classified images in this file (- for standard output), as JSON if its name ends "
              "with .json, or draw them if it ends with .png; of networks whose scores are maps, the images with wrong "
              "pixels.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, only warnings and the result.")
@reading_options
def command(
    runs: tuple[Path, ...],
    data: str | None,
    split: SplitName,
    views: Views | None,
    weights: Path | None,
    batch: int | None,
    device: str | None,
    form: str,
    confusion: Path | None,
    mistakes: Path | None,
    quiet: bool,
    reading: Reading,
) -> None:
    """Test a trained network: its accuracy, loss, results of each class, confusion matrix, mistakes.

    The accuracy is top-1 and top-5, or if the scores of the network are maps, the share of the pixels that are right
    and the mean intersection over union (IoU) of the classes.

    RUN is the folder of a run or one of its checkpoints. The predictions of several runs are averaged; each run
    prepares the images in its own way. With --weights and --data, RUN may also be a spec; --set, --input, --params and
    --dialect control how the spec is read.

    Ten views are the four corner crops and the centre crop, each with its mirror image. With --views whole, every
    pixel of the masks counts, as netspec predict draws them.

    \b
    Examples:
      netspec eval runs/alexnet-1 --views 10 --confusion confusion.png --mistakes mistakes.csv
      netspec eval runs/alexnet-1 runs/alexnet-2 --data photos/ --split all --format json
      netspec eval specs/alexnet-torchvision.net --weights alexnet.pth --data photos/
    """
    _check_options(runs, data, weights)
    require_outputs(confusion, mistakes, form)
    require_spec(runs[0], weights, reading)
    with exit_on_error():
        require_existing(*(run for run in runs if not names_network(run)), data=data)
        with importing_torch():
            from netspec.train.config import device_for
            from netspec.train.data.cores import cores_available
            from netspec.train.evaluation.tested import EvaluationSettings
            from netspec.train.runs.saved import open_run

        weight_facts: dict[str, str] | None = None
        if weights is not None:
            net = _spec(runs[0], data, reading)
            opened, weight_facts = _with_weights(runs[0], net, weights, data, batch, quiet)
        else:
            opened = [open_run(run, warn) for run in runs]
        settings = EvaluationSettings(
            source=_source(opened[0], data),
            split=split,
            views=views,
            batch=batch or opened[0].graph.train.batch,
            device=device_for(device),
            workers=min(cores_available(), 16),
        )
        tested = _test(opened, settings, named=data is not None, quiet=quiet)
        try:
            write_outputs(tested, confusion, mistakes, quiet)
        finally:  # if a file cannot be written, the result of a long test is not lost
            if form == "json":
                click.echo(json.dumps(as_data(tested, opened, weight_facts), indent=2, allow_nan=False))
            else:
                _print_text(tested, opened, sys.stderr if mistakes == STDOUT else sys.stdout)


def _check_options(runs: Sequence[Path], data: str | None, weights: Path | None) -> None:
    """Exit if the options contradict each other."""
    if data is None and len(runs) == 2 and names_data(runs[1]):
        fail(f"{runs[1]} is not a run; did you mean --data {runs[1]}?")
    if weights is not None and len(runs) > 1:
        fail(f"--weights is for one run, and there are {len(runs)}")


def _print_text(tested: Counted, runs: Sequence[Saved], file: TextIO) -> None:
    from netspec.report.terminal import show

    for line in as_text(tested, runs):
        click.echo(line, file)
    show(class_table(tested), file)


def _spec(path: Path, data: str | None, reading: Reading) -> Net | None:
    """Load the network if ``path`` is a spec instead of a run, else return ``None``."""
    if not names_network(path):
        return None
    if data is None:
        fail(f"{path} is a spec; --data names what to test it on")
    return read_net(str(path), reading)


def _with_weights(
    path: Path, net: Net | None, weights: Path, data: str | None, batch: int | None, quiet: bool
) -> tuple[list[Saved], dict[str, str]]:
    """Return a run, or a spec's network, with the weights of a file, and the facts about that file for the result."""
    from netspec.train.reporting.console import make_reporter
    from netspec.train.runs.saved import open_run
    from netspec.train.tensors.published import as_run
    from netspec.train.tensors.weights import read_weights

    read = read_weights(weights, warn)
    if net is not None and data is not None:
        return [as_run(net, path, read, data, batch, make_reporter(quiet=quiet))], read.facts()
    return [with_weights(open_run(path, warn), read)], read.facts()


def _source(run: Saved, data: str | None) -> str:
    """Return the source to test on: ``data`` if given, else the one that the run was trained on.

    Raises ``RequestError`` if the run does not record it.
    """
    from netspec.train.data.source import list_sources
    from netspec.train.errors import RequestError

    source = data if data is not None else run.data
    if source is None:
        message = f"{run.name} does not say what it was trained on; --data names what to test on:"
        raise RequestError(message, *list_sources())
    return source


def _test(runs: Sequence[Saved], settings: EvaluationSettings, *, named: bool, quiet: bool) -> Outcome | PixelOutcome:
    """Test the runs. ``named``: whether the source was given on the command line rather than taken from the run."""
    from netspec.train.errors import RequestError
    from netspec.train.evaluation.testing import run_test

    try:
        return run_test(runs, settings, note=note_printer(quiet), warn=warn, met=Unread(), quiet=quiet)
    except RequestError as problem:
        if named:
            raise
        message = f"{settings.source} is what {runs[0].name} was trained on; --data names something else"
        raise RequestError(problem.message, message, *problem.notes) from problem
