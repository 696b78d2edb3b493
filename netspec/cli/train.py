"""Train a network."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import input_option, read_net, set_option, spec_argument, stem_of

if TYPE_CHECKING:
    from netspec.ir.shape import Shape
    from netspec.train.config import TrainError
    from netspec.train.run import Result

_INTERRUPTED = 128 + 2
_POSITIVE = click.IntRange(min=1)
_THREADS = click.IntRange(min=1, max=1024)  # many more than there are cores end torch without a word


@click.command()
@spec_argument
@click.option("--data", metavar="SOURCE", help="What to train on; without it, the sources are listed.")
@click.option("--epochs", type=_POSITIVE, help="Passes over the training images [default: the spec's].")
@click.option("--steps", type=_POSITIVE, help="Steps in all; with --epochs, whichever ends first.")
@click.option("--batch", type=_POSITIVE, help="Images of a step [default: the spec's].")
@click.option("--seed", type=click.IntRange(min=0, max=2**63 - 1), default=0, show_default=True,
              help="Of initial values, order, crops and dropout.")  # fmt: skip
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Where to train [default: cuda if there is one].")
@click.option("--threads", type=_THREADS, help="Threads that torch computes with [default: the cores].")
@click.option("--out", metavar="RUN", type=click.Path(path_type=Path),
              help="A new folder for the run [default: runs/NAME-N].")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No progress, only warnings and the result.")
@input_option
@set_option
def command(
    file: str,
    data: str | None,
    epochs: int | None,
    steps: int | None,
    batch: int | None,
    seed: int,
    device: str | None,
    threads: int | None,
    out: Path | None,
    quiet: bool,
    input_shape: Shape | None,
    changes: tuple[str, ...],
) -> None:
    """Train a network and leave a run folder: the spec, metrics.jsonl, checkpoints, curves.png.

    SOURCE is a folder (DIR/train/CLASS/* with DIR/val/CLASS/*, or DIR/CLASS/*; JPEG and PNG), digits, or synthetic.
    Without a val folder a tenth of the images is held out. Ctrl-C finishes the step, saves, and exits with 130.

    \b
    Examples:
      netspec train specs/digits.net --data digits
      netspec train specs/alexnet.net --data photos/ --epochs 20 --batch 64 --out runs/photos
    """
    net = read_net(file, input_shape, changes)
    from netspec.train.config import Request, RequestError, TrainError
    from netspec.train.console import reporter
    from netspec.train.data.source import listing
    from netspec.train.run import train

    # Pillow grumbles on standard error about files that it reads all the same; what it cannot read is told by name.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        if data is None:
            raise RequestError("--data is missing; it names what to train on:", *listing())
        request = Request(data, epochs, steps, batch, seed, device, threads, out)
        result = train(net.graph, net.source.text, stem_of(file), request, reporter(quiet=quiet))
    except TrainError as problem:
        _refuse(problem)
    for line in _result(result):
        click.echo(line)
    if result.state == "interrupted":
        sys.exit(_INTERRUPTED)


def _refuse(problem: TrainError) -> None:
    from netspec.train.console import printable

    click.echo(f"Error: {printable(problem.message)}", err=True)
    for note in problem.notes:
        click.echo(f"  {printable(note)}", err=True)
    sys.exit(problem.exit_code)


def _result(result: Result) -> list[str]:
    """The last lines: what was reached, what became of the images, where the run lies."""
    from netspec.train.evaluate import PROTOCOL
    from netspec.units import count

    train, validation = result.counts["train"], result.counts["validation"]
    lines = []
    if result.state == "interrupted":
        lines.append(f"interrupted after step {count(result.step)}; everything so far is saved")
    found = result.evaluation
    if found is not None:
        skipped = f" ({count(validation['skipped'])} unreadable)" if validation["skipped"] else ""
        when = "at the last validation: " if result.state == "interrupted" else ""
        lines.append(
            f"{when}top-1 {100 * found.top1:.1f} %, top-5 {100 * found.top5:.1f} %, loss {found.loss:.4g} "
            f"on {count(found.images)} validation images{skipped}, {PROTOCOL}"
        )
    parts = [f"{count(train['used'])} images used", f"{count(train['skipped'])} skipped as unreadable",
             f"{count(train['dropped'])} dropped in last partial batches"]  # fmt: skip
    if train["unreached"]:
        parts.append(f"{count(train['unreached'])} not reached")
    lines.append(f"{count(result.step)} steps: of {count(train['drawn'])} images drawn, {', '.join(parts)}")
    lines.append(f"{count(train['images'])} training images, {count(train['unreadable'])} of them unreadable")
    lines.append(f"run: {result.folder}")
    return lines
