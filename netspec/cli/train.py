"""Train a network."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli import ARGUMENTS
from netspec.cli.common import DEVICES, PRECISIONS, SPLITS, fail, importing_torch, without_option
from netspec.cli.final_test import final_test, wants_test
from netspec.cli.reading import READING_OPTIONS, Reading, read_net, reading_options
from netspec.cli.runs import exit_on_error, names_data, require_existing
from netspec.cli.trained import starting_weights_options

if TYPE_CHECKING:
    from netspec.ir.settings import Precision
    from netspec.passes.placing import SplitWord
    from netspec.train.interval import Interval
    from netspec.train.run import Result

_SIGNALLED = 128
_POSITIVE = click.IntRange(min=1)
_THREADS = click.IntRange(min=1, max=1024)  # with far more threads than cores, torch dies without a message


class IntervalParam(click.ParamType["Interval"]):
    """An interval such as ``500`` (steps) or ``10min``."""

    name = "interval"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Interval:
        from netspec.train.interval import Interval, read_interval

        if isinstance(value, Interval):
            return value
        try:
            return read_interval(str(value))
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


@click.command()
@click.argument("file", metavar="[FILE]", required=False)
@click.option(
    "--data", metavar="SOURCE", help="Source of the images (see above); without --data, netspec lists the sources."
)
@click.option(
    "--epochs", type=_POSITIVE, metavar="N", help="Passes over the training images [default: epochs= of the spec]."
)
@click.option(
    "--steps", type=_POSITIVE, metavar="N", help="Total number of steps; with --epochs, whichever ends first."
)
@click.option(
    "--batch", type=_POSITIVE, metavar="N", help="Images per step, over all devices [default: batch= of the spec]."
)
@click.option("--seed", type=click.IntRange(min=0, max=2**63 - 1), metavar="N",
              help="Seed of the initial values, order of images, crops and dropout [default: 0].")  # fmt: skip
@click.option("--precision", type=PRECISIONS,
              help="Precision of the layers; bf16 uses autocast [default: that of the spec].")  # fmt: skip
@click.option("--device", type=DEVICES, help="Device to train on [default: cuda if available, else cpu].")
@click.option("--gpus", type=click.IntRange(1, 1024), metavar="N",
              help="Number of devices of this machine to train on, one process each [default: 1].")  # fmt: skip
@click.option(
    "--split",
    type=SPLITS,
    help="How several devices share the work [default: groups if the spec has gpus, else batch].",
)
@click.option(
    "--threads", type=_THREADS, metavar="N", help="Threads that PyTorch computes with [default: one per core]."
)
@click.option(
    "-o",
    "--out",
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="Folder of the run: a new one, or one of the same command to continue [default: runs/NAME-N].",
)
@click.option("--resume", metavar="RUN", type=click.Path(path_type=Path),
              help="Continue this run. The result is the same as without the interruption.")  # fmt: skip
@click.option(
    "--save-every",
    type=IntervalParam(),
    metavar="N|TIME",
    help="Save a checkpoint every N steps or after a time (30s, 10min, 2h), and after each epoch [default: 10min].",
)
@click.option("--tensorboard", is_flag=True, help="Also write the metrics for TensorBoard, into RUN/tensorboard.")
@starting_weights_options
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, only warnings and the result.")
@without_option
@reading_options
def command(
    file: str | None,
    data: str | None,
    epochs: int | None,
    steps: int | None,
    batch: int | None,
    seed: int | None,
    precision: Precision | None,
    device: str | None,
    gpus: int | None,
    split: SplitWord | None,
    threads: int | None,
    out: Path | None,
    resume: Path | None,
    save_every: Interval | None,
    tensorboard: bool,
    weights: Path | None,
    fresh: tuple[str, ...],
    quiet: bool,
    without: tuple[str, ...],
    reading: Reading,
) -> None:
    """Train a network, and write a run folder with the spec, metrics, checkpoints and curves.

    SOURCE is a folder of JPEG or PNG files (DIR/train/CLASS/* and DIR/val/CLASS/*, or DIR/CLASS/*, of which a tenth is
    then held out for validation), a folder written by netspec pack, cifar10:DIR, mnist:DIR, digits, or synthetic. For a
    network whose scores are maps, it is a folder of images with masks (DIR/train/images/NAME.jpg and
    DIR/train/masks/NAME.png, the same in DIR/val; or DIR/images and DIR/masks; or Pascal VOC's or Cityscapes'), a pack
    of one, digits, or synthetic.

    If the spec's test line says views=10 or views=whole, of which validations see only the centre crop, the training
    ends with this test.

    Ctrl-C (or kill) ends training after the current step, saves a checkpoint, and exits with 130 (or 143). To continue,
    use --resume RUN, which needs no FILE, or repeat the command with its --out. A later end can be set with --epochs or
    --steps.

    \b
    Examples:
      netspec train specs/digits.net --data digits
      netspec train specs/alexnet.net --data photos/ --epochs 20 --batch 64 --out runs/photos
      netspec train --resume runs/photos
      netspec train specs/alexnet.net --data photos/ --gpus 2
      netspec train mine.net --data photos/ --weights runs/alexnet-1 --fresh fc8
    """
    if file is None and resume is None:
        raise click.UsageError("Missing argument 'FILE'.")
    if file is None and resume is not None and reading != Reading():
        from netspec.train.runs.runfolder import SPEC

        fail(
            f"{READING_OPTIONS} control how FILE is read, but there is none; a resumed run keeps its spec",
            "a new run with another spec can start from its weights: "
            f"netspec train {shlex.quote(str(resume / SPEC))} --weights {shlex.quote(str(resume))}, "
            "with these options and --data",
        )
    if resume is not None and out is not None:
        fail("--resume names the run's folder already; leave --out out")
    if file is not None and data is None and resume is None:
        _need_spec(Path(file))
    from netspec.train.processes.environment import prints_diagnostics

    net = read_net(file, reading, print_warnings=prints_diagnostics()) if file is not None else None
    with exit_on_error():
        _need_data_or_run(data, resume)
        with importing_torch():
            from netspec.train.config import Request
            from netspec.train.processes.devices import TrainingJob, train_on_devices

        request = Request(
            data=data, epochs=epochs, steps=steps, batch=batch, seed=seed, device=device, threads=threads, out=out,
            precision=precision, weights=weights, fresh=fresh, save_every=save_every, tensorboard=tensorboard or None,
            input=reading.shape, gpus=gpus, split=split, without=without or None,
        )  # fmt: skip
        arguments = click.get_current_context().meta[ARGUMENTS]
        result = train_on_devices(TrainingJob(net, file, resume, request), quiet=quiet, arguments=arguments)
    if isinstance(result, int):
        sys.exit(result)
    for line in _validation_lines(result):
        click.echo(line)
    try:
        if wants_test(result):
            sys.stdout.flush()
            click.echo(final_test(result, quiet=quiet))
    finally:
        for line in _count_lines(result):
            click.echo(line)
    if result.signal is not None and result.state == "interrupted":
        sys.exit(_SIGNALLED + result.signal)


def _need_spec(file: Path) -> None:
    """Exit with a suggestion if FILE is a run or data instead of a spec."""
    from netspec.train.runs.runfolder import is_run

    if is_run(file):
        fail(f"{file} is a run; did you mean --resume {file}?")
    if names_data(file):
        fail(f"{file} is data, not a network: netspec train FILE --data {file}")


def _need_data_or_run(data: str | None, resume: Path | None) -> None:
    """Check that the data or the run to resume is given and exists, before the seconds that importing torch takes.

    Raises ``RequestError``.
    """
    from netspec.train.data.source import list_sources
    from netspec.train.errors import RequestError
    from netspec.train.runs.named import require_path

    if resume is not None:
        require_path(resume, "run")
    elif data is None:
        raise RequestError("--data is missing; it names what to train on:", *list_sources())
    require_existing(data=data)


def _validation_lines(result: Result) -> list[str]:
    """Return the first lines of the output: how the training ended, and its last validation."""
    from netspec.formatting import format_count
    from netspec.train.learning.validation import PROTOCOL
    from netspec.train.runs.runfolder import resuming

    lines = []
    if result.state == "interrupted":
        lines.append(f"interrupted after step {format_count(result.step)}; everything up to there is saved")
        lines.append(f"to continue: {resuming(result.folder)}")
    if result.unchanged:
        lines.append(f"{result.folder} is finished already (--resume with --epochs or --steps extends it)")
    evaluation, validation = result.evaluation, result.counts["validation"]
    if evaluation is not None:
        skipped = f" ({format_count(validation['skipped'])} unreadable)" if validation["skipped"] else ""
        when = "at the last validation: " if result.state == "interrupted" else ""
        lines.append(
            f"{when}{', '.join(evaluation.accuracies)}, "
            f"loss {evaluation.loss:.4g} on {format_count(evaluation.images)} validation images{skipped}, {PROTOCOL}"
        )
    return lines


def _count_lines(result: Result) -> list[str]:
    """Return the last lines of the output: number of images used and skipped, the run's folder."""
    from netspec.formatting import format_count, plural

    train = result.counts["train"]
    parts = [f"{format_count(train['used'])} used", f"{format_count(train['skipped'])} unreadable",
             f"{format_count(train['dropped'])} dropped in incomplete batches"]  # fmt: skip
    if train["unreached"]:
        parts.append(f"{format_count(train['unreached'])} not reached")
    return [
        f"{plural(result.step, 'step')}, {plural(train['drawn'], 'image')} drawn: {', '.join(parts)}",
        f"training set: {format_count(train['images'])} images, {format_count(train['unreadable'])} unreadable",
        f"run: {result.folder}",
    ]
