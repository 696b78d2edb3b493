"""Classify images with a trained network."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from netspec.cli.common import WRONG_COMMAND, WRONG_SPEC, device_option, format_option
from netspec.cli.runs import exit_on_error, warn
from netspec.cli.trained import open_trained, views_option, weights_option
from netspec.formatting import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from netspec.cli.reading import Reading
    from netspec.train.evaluation.predict import Prediction
    from netspec.train.runs.saved import Saved

BAR = 30
"""Width in characters of the bar for a probability of 1."""

MIN_BAR = 5
"""On a terminal with less room than this for the bar, it is left out."""


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@views_option
@device_option
@format_option
@click.option("-q", "--quiet", is_flag=True, help="Omit the bars.")
@click.option(
    "--classes",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File with the names of the classes, one per line [default: those of the run; for a spec, numbers].",
)
@weights_option
def command(
    run: Path,
    images: tuple[Path, ...],
    views: Literal[1, 10] | None,
    device: str | None,
    form: str,
    quiet: bool,
    classes: Path | None,
    weights: Path | None,
    reading: Reading,
) -> None:
    """Classify images with a trained network, and print the five likeliest classes of each.

    RUN is the folder of a run or one of its checkpoints; with --weights, RUN may also be a spec. If IMAGE is -, the
    image is read from standard input. If an image cannot be read, a warning names it, the other images are still
    classified, and the exit code is 1, or 2 if there is no such file.

    \b
    Examples:
      netspec predict runs/alexnet-1 cat.jpg dog.png
      netspec predict specs/alexnet-torchvision.net cat.jpg --weights alexnet.pth --classes imagenet.txt
    """
    with exit_on_error():
        opened = open_trained(run, weights, reading, classes)
        from netspec.train.config import device_for
        from netspec.train.evaluation.predict import Classifier

        classifier = Classifier(opened, views, device_for(device))
        predictions = []
        for image in images:
            prediction = classifier(image)
            predictions.append(prediction)
            if prediction.unreadable is not None:
                warn(f"{image} cannot be read: {prediction.unreadable}")
            elif form == "text":
                _show(prediction, bars=not quiet)
    if form == "json":
        click.echo(_json(opened, classifier.protocol, predictions))
    if not all(prediction.opened for prediction in predictions):
        sys.exit(WRONG_COMMAND)
    if any(prediction.unreadable is not None for prediction in predictions):
        sys.exit(WRONG_SPEC)


def _json(run: Saved, protocol: str, predictions: Sequence[Prediction]) -> str:
    facts = {
        "run": run.name,
        "net": run.graph.name,
        "spec_sha256": run.spec_sha256,
        "protocol": protocol,
        "images": [
            {
                "image": str(prediction.image),
                "classes": [
                    {"class": guess.name, "number": guess.number, "probability": guess.share}
                    for guess in prediction.guesses
                ],
                "unreadable": prediction.unreadable,
            }
            for prediction in predictions
        ],
    }
    return json.dumps(facts, indent=2)


def _show(prediction: Prediction, *, bars: bool) -> None:
    """Print an image's name and its classes with bars, coloured on a terminal and of ``#`` elsewhere."""
    from rich.cells import cell_len
    from rich.console import Console

    from netspec.train.reporting.progress import on_terminal

    console = Console(highlight=False)
    click.echo(printable(str(prediction.image)))
    names = [printable(guess.name) for guess in prediction.guesses]
    width = max(map(cell_len, names))  # a Chinese or Japanese character is two columns wide
    for guess, name in zip(prediction.guesses, names, strict=True):
        words = f"  {name}{' ' * (width - cell_len(name))}  {100 * guess.share:5.1f} %  "
        if not bars:
            click.echo(words.rstrip())
        elif on_terminal(console):
            _line(console, words, guess.share)
        else:
            click.echo(f"{words}{'#' * round(BAR * guess.share)}".rstrip())


def _line(console: Console, words: str, share: float) -> None:
    from rich.bar import Bar
    from rich.table import Table
    from rich.text import Text

    text = Text(words)
    room = console.width - text.cell_len
    if room < MIN_BAR:  # let the terminal wrap the line; rich would cut it off
        click.echo(words.rstrip())
        return
    row = Table.grid()
    row.add_column(no_wrap=True)
    row.add_column(width=min(BAR, room))
    row.add_row(text, Bar(1.0, 0.0, share, color="cyan"))
    console.print(row)
