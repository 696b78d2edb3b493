"""Classify images with a trained network, or draw their masks."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import WRONG_COMMAND, WRONG_SPEC, device_option, fail, format_option
from netspec.cli.runs import exit_on_error, warn
from netspec.cli.trained import open_trained, views_option, weights_option
from netspec.cli.writing import require_own_file, write_or_fail
from netspec.formatting import plural, printable
from netspec.own_images import is_own_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from netspec.cli.reading import Reading
    from netspec.ir.settings import Views
    from netspec.train.data.splits import Pixels
    from netspec.train.evaluation.masks.segmenter import Segmenter
    from netspec.train.evaluation.predict import Classifier, Prediction
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
@click.option(
    "-o",
    "--output",
    "--out",
    "out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder for the masks that a network whose scores are maps gives the images: DIR/NAME.png.",
)
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
    views: Views | None,
    device: str | None,
    form: str,
    out: Path | None,
    quiet: bool,
    classes: Path | None,
    weights: Path | None,
    reading: Reading,
) -> None:
    """Classify images with a trained network, and print the five likeliest classes of each.

    RUN is the folder of a run or one of its checkpoints; with --weights, RUN may also be a spec. If IMAGE is -, the
    image is read from standard input. If an image cannot be read, a warning names it, the other images are still
    classified, and the exit code is 1, or 2 if there is no such file.

    If the scores of the network are maps, each pixel gets a class. The shares of the classes with the most pixels are
    printed, and -o DIR writes a mask of each image: a PNG file of the image's size, in which a pixel's number is its
    class, with the colours of Pascal VOC.

    \b
    Examples:
      netspec predict runs/alexnet-1 cat.jpg dog.png
      netspec predict specs/alexnet-torchvision.net cat.jpg --weights alexnet.pth --classes imagenet.txt
      netspec predict runs/u-net-1 cells.png -o masks
    """
    if [run, *images].count(Path("-")) > 1:
        fail("standard input can be read only once")
    with exit_on_error():
        opened = open_trained(run, weights, reading, classes)
        from netspec.train.config import device_for

        predictor = _predictor(opened, views, device_for(device))
        masks = _mask_files(predictor, opened.graph.name, images, out)
        predictions = []
        for image in images:
            prediction = predictor(image)
            predictions.append(replace(prediction, mask=None))  # not the masks of all images at a time
            if prediction.unreadable is not None:
                warn(f"{image} cannot be read: {prediction.unreadable}")
                continue
            if prediction.mask is not None and masks:
                _write_mask(masks[image], prediction.mask)
            if form == "text":
                _show(prediction, bars=not quiet)
    if form == "json":
        click.echo(_json(opened, predictor.protocol, predictions, masks))
    elif masks and not quiet:
        written = sum(prediction.unreadable is None for prediction in predictions)
        click.echo(f"wrote {plural(written, 'mask')}: {out}", err=True)
    if not all(prediction.opened for prediction in predictions):
        sys.exit(WRONG_COMMAND)
    if any(prediction.unreadable is not None for prediction in predictions):
        sys.exit(WRONG_SPEC)


def _predictor(run: Saved, views: Views | None, device: str) -> Classifier | Segmenter:
    """Return what predicts the classes of an image, or its mask, with a trained network."""
    from netspec.train.evaluation.masks.segmenter import Segmenter
    from netspec.train.evaluation.predict import Classifier

    return (Segmenter if run.graph.is_dense else Classifier)(run, views, device)


def _mask_files(
    predictor: Classifier | Segmenter, network: str, images: Sequence[Path], out: Path | None
) -> dict[Path, Path]:
    """Return the file for each image's mask, none without a folder for them, which is created. Exits if the network
    gives no masks, or a file must not be overwritten."""
    from netspec.train.evaluation.masks.segmenter import mask_names

    if out is None:
        return {}
    if not predictor.gives_masks:
        fail(f"-o is for masks, and {network} gives an image one class")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        fail(f"cannot make the folder {out}: {problem.strerror}")
    files = dict(zip(images, (out / name for name in mask_names(images)), strict=True))
    for path in files.values():
        require_own_file(path, is_own_image, named="folder")
    return files


def _write_mask(path: Path, mask: Pixels) -> None:
    from netspec.train.evaluation.masks.png import mask_png

    write_or_fail({path: mask_png(mask)})


def _json(run: Saved, protocol: str, predictions: Sequence[Prediction], masks: Mapping[Path, Path]) -> str:
    facts = {
        "run": run.name,
        "net": run.graph.name,
        "spec_sha256": run.spec_sha256,
        "protocol": protocol,
        "images": [
            {
                "image": str(prediction.image),
                "classes": [
                    {"class": guess.name, "number": guess.number, _share_name(prediction): guess.share}
                    for guess in prediction.guesses
                ],
                "unreadable": prediction.unreadable,
            }
            | _mask_as_json(prediction, masks.get(prediction.image))
            for prediction in predictions
        ],
    }
    return json.dumps(facts, indent=2)


def _share_name(prediction: Prediction) -> str:
    return "probability" if prediction.size is None else "share"


def _mask_as_json(prediction: Prediction, path: Path | None) -> dict[str, object]:
    """Return what the JSON output says about an image's mask, if it has one: its file, and its height and width."""
    if prediction.size is None:
        return {}
    return {"mask": str(path) if path is not None else None, "size": list(prediction.size)}


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
